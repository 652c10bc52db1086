"""One training of a study as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from ...loading import load_config
from ...tables import write_text
from .results import outcome
from .trainings import CONFIG, PACKED_VAL

PLACES = ('data_root', 'ann_file')  # of data, by the end of an option's name


def train_config(
    folder: Path, train_tool: Path, lock, environment: Optional[Mapping] = None
) -> dict:
    """Train the config of a run (or go on with it) and return its outcome.

    The training holds the lock too: it may outlive this process.

    Args:
        folder (Path): Of the run, with its config.
        train_tool (Path): The script that trains it.
        lock (IO): The run's locked file.
        environment (Mapping | None): Variables, beside those of this process.

    Returns:
        dict: :func:`outcome`, and ``peak_rss_mb``, the largest resident memory
        of the training since it was last started.

    Raises:
        RuntimeError: If the training fails; the text is the last line of its output.
        KeyboardInterrupt: If it was told to stop (Ctrl-C, or SIGTERM).
    """
    if not checkpoints(folder):  # removed by hand, to free the disk
        remove_checkpoints(folder)
    config = folder / CONFIG
    command = [sys.executable, train_tool, config, '--work-dir', folder, '--resume']
    for _ in range(2):
        code, peak = _call(list(map(str, command)), folder / 'output.txt', lock, environment)
        if _was_stopped(folder / 'output.txt', code):
            raise KeyboardInterrupt
        result = outcome(folder, code, None if code else _epochs(config))
        if code or result is not None:
            break
        # It was killed in its last validation, which a resumed training
        # does not repeat. So the last epoch is.
        remove_last_checkpoint(folder)
    if result is None:
        raise RuntimeError(_last_words(folder / 'output.txt', code))
    return dict(result, peak_rss_mb=peak, wall_seconds=wall_seconds(folder))


def wall_seconds(folder: Path) -> float:
    """How long a training took, its start and validations included, in all its parts.

    MMEngine names the folder of each part after its start, and the log's last
    line is written at its end.

    Args:
        folder (Path): Of the training.
    """
    logs = folder.glob('*/vis_data/scalars.json')
    return sum(log.stat().st_mtime - _start(log.parents[1].name) for log in logs)


def _start(stamp: str) -> float:
    return datetime.strptime(stamp, '%Y%m%d_%H%M%S').timestamp()


def _epochs(config: Path) -> int:
    return load_config(str(config)).train_cfg.max_epochs


def _call(command: list, output: Path, lock, environment: Optional[Mapping]) -> tuple:
    """Exit status and peak memory in MB of a command."""
    with open(output, 'a') as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=(lock.fileno(),),
            env={**os.environ, **(environment or {})},
        )
    peak, pause = None, 0.001
    try:
        while process.poll() is None:
            peak = _peak_rss(process.pid) or peak
            time.sleep(pause)
            pause = min(1.1 * pause, 0.2)
    except BaseException:  # Ctrl-C, which the training has got too
        process.kill()
        process.wait()
        raise
    return process.returncode, peak


def _peak_rss(pid: int) -> Optional[float]:
    """Largest resident memory so far in MB; None where the system does not tell.

    What ``wait4`` tells on Linux is at least the memory of the process that
    started it.
    """
    status = Path(f'/proc/{pid}/status')
    lines = status.read_text().splitlines() if status.exists() else []
    found = [line.split()[1] for line in lines if line.startswith('VmHWM:')]
    return int(found[0]) / 2**10 if found else None


def _was_stopped(output: Path, code: int) -> bool:
    """Whether a training ended since somebody wanted it to: it has not failed."""
    stopped = code in (-signal.SIGINT, -signal.SIGTERM)
    return stopped or (code != 0 and _last_words(output, code).startswith('KeyboardInterrupt'))


def _last_words(output: Path, code: int) -> str:
    lines = output.read_text(errors='replace').rstrip().rsplit('\n', 1)
    if code < 0:
        return f'killed by {signal.Signals(-code).name}; the last line was: {lines[-1]}'
    return lines[-1]


def write_config(cfg: Config, folder: Path) -> None:
    """Leave a run's config in its folder.

    Raises:
        ValueError: If the folder has another config already.
    """
    require_same(cfg, folder)
    (folder / CONFIG).parent.mkdir(parents=True, exist_ok=True)
    write_text(_text(cfg), folder / CONFIG)


def _text(cfg: Config) -> str:
    """The config as Python, formatted.

    MMEngine tells of anything that stops its formatting as of a SyntaxError.

    Raises:
        KeyboardInterrupt: If Ctrl-C did.
    """
    try:
        return cfg.pretty_text
    except SyntaxError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


def require_same(cfg: Config, folder: Path, moved: bool = False) -> None:
    """Refuse to go on with a training of another config.

    Args:
        cfg (Config): Of the run.
        folder (Path): Of the training.
        moved (bool): The data may lie elsewhere by now.

    Raises:
        ValueError: The text names the first option that differs.
    """
    if not (folder / CONFIG).exists():
        return
    before, now = (flat(_trained(each)) for each in (load_config(str(folder / CONFIG)), cfg))
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if old != new and not (moved and key.endswith(PLACES)):
            raise ValueError(
                f'{folder} was trained with another config: {key} was {old!r} and is {new!r}. '
                f'Take another --work-dir, or remove {folder}.'
            )


def _trained(cfg: Config) -> dict:
    """A config without the packed validation, which changes no training and may be left out."""
    found = cfg.to_dict()
    (found.get('default_hooks') or {}).pop(PACKED_VAL, None)
    return found


def flat(node: Mapping, start: str = '') -> dict:
    """Options by their names with dots, as ``--cfg-options`` has them.

    Examples:
        >>> flat(dict(model=dict(type='SSD', levels=(1, 2))))
        {'model.type': 'SSD', 'model.levels': [1, 2]}
    """
    found = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= flat(value, f'{start}{key}.')
        else:
            found[f'{start}{key}'] = list(value) if isinstance(value, tuple) else value
    return found


def checkpoints(folder: Path) -> list:
    """The checkpoints of a training, the oldest first."""
    return sorted(folder.glob('epoch_*.pth'), key=lambda file: int(file.stem.split('_')[1]))


def remove_checkpoints(folder: Path, keep_last: bool = False) -> None:
    """Remove what a resume would go on from, a pointer without its file too.

    Args:
        folder (Path): Of a run.
        keep_last (bool): Leave the last one, and what points at it.
    """
    for file in checkpoints(folder)[: -1 if keep_last else None]:
        file.unlink()
    if not keep_last:
        (folder / 'last_checkpoint').unlink(missing_ok=True)


def remove_last_checkpoint(folder: Path) -> None:
    """Let a resume repeat the last epoch: it follows the pointer to the one before."""
    *before, last = [None, *checkpoints(folder)]
    pointer = folder / 'last_checkpoint'
    if before and before[-1]:
        write_text(str(before[-1]), pointer)
    else:
        pointer.unlink(missing_ok=True)
    if last:
        last.unlink()
