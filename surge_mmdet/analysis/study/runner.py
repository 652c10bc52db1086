"""Training the runs of a study, one after another, beside other processes."""

import fcntl
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from ..conditions import conditions
from ..tables import write_text
from .plan import Plan
from .report import write_report
from .results import FAILED, RESULT, read_results
from .runs import (
    Run,
    all_runs,
    best_rates,
    has_students,
    is_ready,
    teacher_run,
)
from .training import remove_checkpoints, train_config, write_config
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
        started (float): When this process began: runs that failed before
            are tried again.
    """

    plan: Plan
    folder: Path
    train_tool: Path
    options: dict = field(default_factory=dict)
    keep: bool = False
    started: float = field(default_factory=time.time)

    def pending(self, optimizer: str) -> list:
        """Runs that are left, in order; the seeds wait for the choice."""
        results = read_results(self.plan, self.folder)
        best = best_rates(results, self.plan, optimizer)
        return [run for run in all_runs(self.plan, optimizer, best) if run not in results]

    def ready(self, optimizer: str) -> list:
        """Pending runs that can be trained now: their teacher has finished,
        and they have not failed since this process began."""
        results = read_results(self.plan, self.folder)
        best = best_rates(results, self.plan, optimizer)
        return [
            run
            for run in self.pending(optimizer)
            if is_ready(self.plan, run, best, results) and not self._is_done(run)
        ]

    def _is_done(self, run: Run) -> bool:
        """Whether a run has finished, or failed since this process began."""
        file = self.folder / run.name / RESULT
        if not file.exists():
            return False
        return FAILED not in json.loads(file.read_text()) or file.stat().st_mtime > self.started

    def next_run(self, optimizers: list) -> tuple:
        """The first run that is ready and that no other process has, and its lock."""
        for optimizer in optimizers:
            for run in self.ready(optimizer):
                folder = self.folder / run.name
                folder.mkdir(parents=True, exist_ok=True)
                lock = open(folder / 'lock', 'w')  # noqa: SIM115
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                    continue
                if not self._is_done(run):
                    return run, lock
                lock.close()
        return None, None

    def train(self, run: Run, lock) -> dict:
        """Train one run, or go on with it, and leave its ``result.json``.

        Returns:
            dict: The result; ``failed`` is the last line of its output if the
            training failed.

        Raises:
            ValueError: If its folder has the training of another config.
        """
        folder = self.folder / run.name
        try:
            cfg = run_config(self.plan, run, self.options, self._teacher(run))
            config = write_config(cfg, folder)
            result = train_config(config, self.train_tool, lock)
        except RuntimeError as error:
            result = {FAILED: str(error)}
        write_text(json.dumps(result), folder / RESULT)
        if not self.keep:
            self.remove_checkpoints(run.optimizer)
        return result

    def _teacher(self, run: Run) -> Optional[Path]:
        """Folder of the run that teaches this one, None without one.

        Raises:
            RuntimeError: If the teacher has diverged.
        """
        if self.plan.change(run.method).teacher is None:
            return None
        results = read_results(self.plan, self.folder)
        teacher = teacher_run(self.plan, run, best_rates(results, self.plan, run.optimizer))
        if results[teacher]['diverged']:
            raise RuntimeError(f'its teacher {teacher.name} has diverged')
        return (self.folder / teacher.name).resolve()

    def train_all(self, optimizers: list) -> None:
        """Train what is left and free; the tables are written after each run."""
        while True:
            run, lock = self.next_run(optimizers)
            if run is None:
                return
            with lock:
                result = self.train(run, lock)
            if FAILED in result:
                print(f'{run.name} failed: {result[FAILED]}', flush=True)
            print(self.write_tables(), flush=True)

    def write_tables(self) -> str:
        """Write the report of what is finished, and return its tables."""
        return write_report(self.plan, self.folder, **conditions())

    def remove_checkpoints(self, optimizer: str) -> None:
        """Remove those of finished runs; of a teacher the last one stays until
        its students are done."""
        results = read_results(self.plan, self.folder)
        best = best_rates(results, self.plan, optimizer)
        for run in results:
            if run.optimizer == optimizer:
                kept = has_students(self.plan, run, best, results)
                remove_checkpoints(self.folder / run.name, keep_last=kept)
