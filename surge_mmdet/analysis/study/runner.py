"""Training the runs of a plan on one data set, beside other workers."""

import fcntl
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from ..conditions import command_line, conditions, training_conditions
from ..tables import write_text
from .plan import Plan
from .report import write_report
from .runs import (
    FAILED,
    RESULT,
    TRAINED,
    Run,
    add_again,
    all_runs,
    best_rates,
    checkpoints,
    has_students,
    is_ready,
    last_training,
    note_part,
    read_parts,
    read_result,
    read_results,
    remove_checkpoints,
    run_config,
    teacher_run,
    train_config,
    write_config,
)


@dataclass(frozen=True)
class Study:
    """A plan, and the folder in which its runs are trained.

    Args:
        plan (Plan): What to train.
        folder (Path): One per plan; each run has a folder inside.
        train_tool (Path): The script that trains a config.
        options (dict): For every run, as ``--cfg-options``.
        keep (bool): Whether checkpoints of finished runs stay.
        started (float): When the comparison began: runs that failed before
            are tried again.
        command (str): That trains the runs and writes the report.
        packed (bool): Whether the packed detectors of binary runs are validated.
    """

    plan: Plan
    folder: Path
    train_tool: Path
    options: dict = field(default_factory=dict)
    keep: bool = False
    started: float = field(default_factory=time.time)
    command: str = field(default_factory=command_line)
    packed: bool = True

    def best(self, optimizer: str) -> dict:
        """Method to the rate that its tuning chose."""
        return best_rates(read_results(self.plan, self.folder), self.plan, optimizer)

    def finished(self, optimizer: str) -> dict:
        """Run to result; without a teacher whose checkpoint is needed and gone."""
        results = read_results(self.plan, self.folder)
        best = best_rates(results, self.plan, optimizer)
        return {
            run: result
            for run, result in results.items()
            if run.optimizer == optimizer
            and (
                result['diverged']
                or self._can_teach(run, last_training(result))
                or not has_students(self.plan, run, best, results)
            )
        }

    def _can_teach(self, run: Run, last: Mapping) -> bool:
        """Whether its last training has come to an end: one that was cut off leaves checkpoints."""
        return 'AP' in last and bool(last['diverged'] or checkpoints(self.folder / run.name))

    def known(self, optimizer: str) -> list:
        """All runs in order, as far as they are known: the seeds wait for the choice."""
        return all_runs(self.plan, optimizer, self.best(optimizer))

    def done(self, optimizer: str) -> list:
        """Those that are finished."""
        finished = self.finished(optimizer)
        return [run for run in self.known(optimizer) if run in finished]

    def pending(self, optimizer: str) -> list:
        """Those that are left."""
        finished = self.finished(optimizer)
        return [run for run in self.known(optimizer) if run not in finished]

    def ready(self, optimizer: str) -> list:
        """Pending runs that can be trained now: their teacher has finished,
        and they have not failed since the comparison began."""
        finished, best = self.finished(optimizer), self.best(optimizer)
        return [
            run
            for run in self.pending(optimizer)
            if is_ready(self.plan, run, best, finished) and not self.has_failed(run)
        ]

    def has_failed(self, run: Run) -> bool:
        """Whether a run has failed since the comparison began."""
        file = self.folder / run.name / RESULT
        return FAILED in last_training(read_result(file)) and file.stat().st_mtime > self.started

    def next_run(self, optimizers: Sequence) -> tuple:
        """The first run that is ready and that no other worker has, and its lock."""
        for optimizer in optimizers:
            for run in self.ready(optimizer):
                (self.folder / run.name).mkdir(parents=True, exist_ok=True)
                lock = locked(self.folder / run.name / 'lock')
                if lock and run in self.ready(optimizer):
                    return run, lock
                if lock:  # another worker has been faster
                    lock.close()
        return None, None

    def held(self, optimizers: Sequence) -> list:
        """Pending runs that a worker trains at the moment."""
        found = []
        for run in (run for optimizer in optimizers for run in self.pending(optimizer)):
            if (self.folder / run.name / 'lock').exists():
                lock = locked(self.folder / run.name / 'lock')
                if lock:
                    lock.close()
                else:
                    found.append(run)
        return found

    def train(self, run: Run, lock, environment: Optional[Mapping] = None) -> dict:
        """Train one run, or go on with it, and leave its ``result.json``.

        Args:
            run (Run): That is ready.
            lock (IO): As :meth:`next_run` gives it.
            environment (Mapping | None): Variables for the training.

        Returns:
            dict: The result, and under what it was ``trained``; ``failed`` is
            the last line of its output if the training failed. A run that had
            finished keeps what it had, see :func:`add_again`.

        Raises:
            ValueError: If its folder has the training of another config.
            KeyboardInterrupt: If the training was told to stop.
        """
        folder = self.folder / run.name
        before = read_result(folder / RESULT)
        if before and FAILED not in before:  # its checkpoints are those of an unfinished training
            write_text(json.dumps(add_again(before, {})), folder / RESULT)
        try:
            write_config(self.config(run), folder)
            note_part(folder, training_conditions(self.command, environment))
            result = train_config(folder, self.train_tool, lock, environment)
        except RuntimeError as error:
            result = {FAILED: str(error)}
        result[TRAINED] = read_parts(folder)
        write_text(json.dumps(add_again(before, result)), folder / RESULT)
        if not self.keep:
            self.remove_checkpoints(run.optimizer)
        return result

    def config(self, run: Run):
        """The config of a run whose teacher, if it has one, has finished.

        Raises:
            RuntimeError: If the teacher has diverged.
        """
        return run_config(self.plan, run, self.options, self._teacher(run), self.packed)

    def _teacher(self, run: Run) -> Optional[Path]:
        """Folder of the run that teaches this one, None without one."""
        if self.plan.change(run.method).teacher is None:
            return None
        teacher = teacher_run(self.plan, run, self.best(run.optimizer))
        result = self.finished(run.optimizer)[teacher]
        if result['diverged'] or last_training(result)['diverged']:
            raise RuntimeError(f'its teacher {teacher.name} has diverged')
        return (self.folder / teacher.name).resolve()

    def write_tables(self) -> str:
        """Write the report of what is finished, and return its tables."""
        about = dict(conditions(), command=self.command)
        return write_report(self.plan, self.folder, **about)

    def remove_checkpoints(self, optimizer: str) -> None:
        """Remove those of finished runs; of a teacher the last one stays until
        its students are done."""
        results = read_results(self.plan, self.folder)
        best = best_rates(results, self.plan, optimizer)
        for run in results:
            if run.optimizer == optimizer:
                kept = has_students(self.plan, run, best, results)
                remove_checkpoints(self.folder / run.name, keep_last=kept)


def locked(path: Path):
    """The opened file with its lock, None if another worker has it."""
    lock = open(path, 'w')  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
