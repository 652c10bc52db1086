"""Files that are written whole or not at all, whatever kills the process."""

import glob
import os
import platform
import re
import threading
from pathlib import Path


def write_whole(path, data: bytes) -> None:
    """Write ``data`` to ``path``; its folder is made if it is missing.

    The bytes go to a temporary neighbour and are moved into place once they
    are on the disk. What a killed process left of the neighbour goes when the
    same file is written again.

    Args:
        path (str | Path): Of the file.
        data (bytes): All of it.

    Raises:
        OSError: If the disk refuses; what was there before is still whole.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    own = f'{_host()}-{threading.get_ident()}-{os.getpid()}'
    part = target.with_name(f'.{target.name}.{own}.part')
    try:
        with open(part, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _remove_leftovers(target: Path) -> None:
    """Remove parts of this file whose process is dead: they may be large."""
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
