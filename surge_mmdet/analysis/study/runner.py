"""Training the runs of a study, one after another, beside other processes."""

import fcntl
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from ..conditions import conditions
from ..tables import write_text
from .plan import Plan
from .results import outcome, read_results, write_tables
from .runs import Run, best_rates, seed_runs, tuning_runs
from .trainings import run_config


@dataclass(frozen=True)
class Study:
    """A plan, and the folder in which its runs are trained.

    Args:
        plan (Plan): What to train.
        folder (Path): One per study; each run has a folder inside.
        train_tool (Path): The script that trains a config.
        options (dict): For every run, as ``--cfg-options``.
        keep (bool): Whether checkpoints of finished runs stay.
    """

    plan: Plan
    folder: Path
    train_tool: Path
    options: dict = field(default_factory=dict)
    keep: bool = False

    def pending(self, optimizer: str) -> list:
        """Runs that are left, in order; the seeds wait for the choice."""
        results = read_results(self.plan, self.folder)
        best = best_rates(results, self.plan, optimizer)
        runs = tuning_runs(self.plan, optimizer) + seed_runs(self.plan, optimizer, best)
        return [run for run in runs if run not in results]

    def next_run(self, optimizers: list) -> tuple:
        """The first unfinished run that no other process has, and its lock."""
        for optimizer in optimizers:
            for run in self.pending(optimizer):
                folder = self.folder / run.name
                folder.mkdir(parents=True, exist_ok=True)
                lock = open(folder / 'lock', 'w')  # noqa: SIM115
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                    continue
                if not (folder / 'result.json').exists():
                    return run, lock
                lock.close()
        return None, None

    def train(self, run: Run, lock) -> None:
        """Train one run, or go on with it, and leave its ``result.json``.

        Raises:
            ValueError: If its folder has the training of another config.
            RuntimeError: If the training fails.
        """
        folder = self.folder / run.name
        config = write_config(run_config(self.plan, run, self.options), folder)
        result = train_config(config, self.train_tool, lock)
        write_text(json.dumps(result), folder / 'result.json')
        if not self.keep:
            remove_checkpoints(folder)

    def train_all(self, optimizers: list) -> None:
        """Train what is left and free; the tables are written after each run."""
        while True:
            run, lock = self.next_run(optimizers)
            if run is None:
                return
            with lock:
                self.train(run, lock)
            print(self.write_tables(), flush=True)

    def write_tables(self) -> str:
        """Write the tables of what is finished, and return them."""
        return write_tables(self.plan, self.folder, **conditions())


def train_config(config: Path, train_tool: Path, lock) -> dict:
    """Train the run of a config (or go on with it) and return its outcome.

    The training holds the lock too: it may outlive this process.

    Args:
        config (Path): In the folder of its run.
        train_tool (Path): The script that trains it.
        lock (IO): The run's locked file.

    Raises:
        RuntimeError: If the training fails.
    """
    folder = config.parent
    command = [sys.executable, train_tool, config, '--work-dir', folder, '--resume']
    for _ in range(2):
        with open(folder / 'output.txt', 'a') as output:
            code = subprocess.call(
                list(map(str, command)),
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock.fileno(),),
            )
        result = outcome(folder, code)
        if code or result is not None:
            break
        # It was killed in its last validation, which a resumed training
        # does not repeat. So the training is.
        remove_checkpoints(folder)
    if result is None:
        last = (folder / 'output.txt').read_text().rstrip().rsplit('\n', 1)
        raise RuntimeError(f'{folder.name} failed: {last[-1]}\nSee {folder}/output.txt')
    return result


def write_config(cfg: Config, folder: Path) -> Path:
    """``run.py`` of a run.

    Raises:
        ValueError: If the folder has another config already.
    """
    config, text = folder / 'run.py', cfg.pretty_text
    if config.exists() and config.read_text().rstrip() != text.rstrip():
        raise ValueError(
            f'{folder} was trained with another config. Take another '
            f'--work-dir, or remove {folder}.'
        )
    write_text(text, config)
    return config


def remove_checkpoints(folder: Path) -> None:
    """Remove what a resume would go on from."""
    for file in (folder / 'last_checkpoint', *folder.glob('*.pth')):
        file.unlink(missing_ok=True)
