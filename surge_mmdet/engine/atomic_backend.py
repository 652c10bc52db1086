"""A file backend that never leaves a half-written checkpoint."""
import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


class AtomicLocalBackend(LocalBackend):
    """MMEngine's local backend with an atomic ``put``.

    The bytes go to a temporary neighbour and are moved into place once they
    are on the disk: after a kill or a full disk the old file is still whole.
    Select it with ``checkpoint=dict(type='CheckpointHook',
    backend_args=dict(backend='surge_atomic'))``.
    """

    def put(self, obj: bytes, filepath) -> None:
        """Write ``obj`` to ``filepath``, all of it or nothing."""
        target = Path(filepath)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f'.{target.name}.{os.getpid()}.part')
        try:
            with open(part, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)


register_backend('surge_atomic', AtomicLocalBackend, force=True)
