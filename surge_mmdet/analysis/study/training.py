"""One training of a study as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config

from ..tables import write_text
from .results import outcome
from .trainings import CONFIG


def train_config(config: Path, train_tool: Path, lock) -> dict:
    """Train the run of a config (or go on with it) and return its outcome.

    The training holds the lock too: it may outlive this process.

    Args:
        config (Path): In the folder of its run.
        train_tool (Path): The script that trains it.
        lock (IO): The run's locked file.

    Returns:
        dict: :func:`outcome`, and ``peak_rss_mb``, the largest resident memory
        of the training since it was last started.

    Raises:
        RuntimeError: If the training fails; the text is the last line of its output.
    """
    folder = config.parent
    command = [sys.executable, train_tool, config, '--work-dir', folder, '--resume']
    for _ in range(2):
        code, peak = _call(list(map(str, command)), folder / 'output.txt', lock)
        result = outcome(folder, code, None if code else _epochs(config))
        if code or result is not None:
            break
        # It was killed in its last validation, which a resumed training
        # does not repeat. So the last epoch is.
        remove_last_checkpoint(folder)
    if result is None:
        raise RuntimeError(_last_words(folder / 'output.txt', code))
    return dict(result, peak_rss_mb=peak)


def _epochs(config: Path) -> int:
    return Config.fromfile(config).train_cfg.max_epochs


def _call(command: list, output: Path, lock) -> tuple:
    """Exit status and peak memory in MB of a command."""
    with open(output, 'a') as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, pass_fds=(lock.fileno(),)
        )
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # Ctrl-C, which the training has got too
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return process.returncode, usage.ru_maxrss / unit


def _last_words(output: Path, code: int) -> str:
    lines = output.read_text(errors='replace').rstrip().rsplit('\n', 1)
    if code < 0:
        return f'killed by {signal.Signals(-code).name}; the last line was: {lines[-1]}'
    return lines[-1]


def write_config(cfg: Config, folder: Path) -> Path:
    """``run.py`` of a run.

    Raises:
        ValueError: If the folder has another config already.
    """
    config, text = folder / CONFIG, cfg.pretty_text
    if config.exists() and config.read_text().rstrip() != text.rstrip():
        raise ValueError(
            f'{folder} was trained with another config. Take another '
            f'--work-dir, or remove {folder}.'
        )
    write_text(text, config)
    return config


def checkpoints(folder: Path) -> list:
    """The checkpoints of a training, the oldest first."""
    return sorted(folder.glob('epoch_*.pth'), key=lambda file: int(file.stem.split('_')[1]))


def remove_checkpoints(folder: Path, keep_last: bool = False) -> None:
    """Remove what a resume would go on from.

    Args:
        folder (Path): Of a run.
        keep_last (bool): Leave the last one, and what points at it.
    """
    for file in checkpoints(folder)[: -1 if keep_last else None]:
        file.unlink()
    if not keep_last:
        (folder / 'last_checkpoint').unlink(missing_ok=True)


def remove_last_checkpoint(folder: Path) -> None:
    """Let a resume repeat the last epoch; the pointer is mended by its start."""
    for file in checkpoints(folder)[-1:]:
        file.unlink()
