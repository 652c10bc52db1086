"""A file backend that never leaves a half-written checkpoint."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from ..whole_files import write_whole


class AtomicLocalBackend(LocalBackend):
    """MMEngine's local backend with an atomic ``put``.

    After a kill or a full disk the old file is still whole. What a killed
    process left goes when the same file is written again, which a resumed
    training does. Select it with ``checkpoint=dict(type='CheckpointHook',
    backend_args=dict(backend='surge_atomic'))``.
    """

    def put(self, obj: bytes, filepath) -> None:
        """Write ``obj`` to ``filepath``, all of it or nothing.

        Raises:
            OSError: If the disk refuses; the text says how to go on.
        """
        try:
            write_whole(filepath, obj)
        except OSError as error:
            raise _explained(error, Path(filepath), len(obj)) from error


def _explained(error: OSError, target: Path, size: int) -> OSError:
    """The same error, with the file and what to do."""
    return OSError(
        error.errno,
        f'{error.strerror}: {size / 1e6:.1f} MB not written. '
        'Checkpoints saved before are whole. Make room, then go on with '
        'tools/train.py CONFIG --resume',
        str(target),
    )


register_backend('surge_atomic', AtomicLocalBackend, force=True)
