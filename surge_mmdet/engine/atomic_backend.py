"""A file backend that never leaves a half-written checkpoint."""

import glob
import os
import platform
import re
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


class AtomicLocalBackend(LocalBackend):
    """MMEngine's local backend with an atomic ``put``.

    The bytes go to a temporary neighbour and are moved into place once they
    are on the disk: after a kill or a full disk the old file is still whole.
    What a killed process left of the neighbour goes when the same file is
    written again, which a resumed training does.
    Select it with ``checkpoint=dict(type='CheckpointHook',
    backend_args=dict(backend='surge_atomic'))``.
    """

    def put(self, obj: bytes, filepath) -> None:
        """Write ``obj`` to ``filepath``, all of it or nothing.

        Raises:
            OSError: If the disk refuses; the text says how to go on.
        """
        target = Path(filepath)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(target)
            _write(obj, target)
        except OSError as error:
            raise _explained(error, target, len(obj)) from error


def _write(obj: bytes, target: Path) -> None:
    part = target.with_name(f'.{target.name}.{_host()}-{os.getpid()}.part')
    try:
        with open(part, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _remove_leftovers(target: Path) -> None:
    """Remove parts of this file whose process is dead: they are large."""
    own = f'.{glob.escape(target.name)}.{_host()}-*.part'
    for part in target.parent.glob(own):
        pid = part.name.split('-')[-1].removesuffix('.part')
        if pid.isdigit() and not _alive(int(pid)):
            part.unlink(missing_ok=True)


def _host() -> str:
    """Process numbers mean nothing on another host of a shared folder."""
    return re.sub(r'\W', '_', platform.node())


def _alive(pid: int) -> bool:
    if os.name != 'posix':
        return True  # elsewhere kill does not only ask
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


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
