"""All studies of a plan's file: a worker trains what is free until nothing can follow."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from .runner import Study
from .runs import ends, read_failed, starts

POLL = 10.0  # seconds between two looks at what others have finished


@dataclass(frozen=True)
class Comparison:
    """What is trained in one folder.

    Args:
        studies (Sequence[Study]): One per data set.
        optimizers (Sequence[str]): Of the plan, in the order of training.
        poll (float): Seconds between two looks.
        stop (threading.Event): Set to let the workers leave after their run.
    """

    studies: Sequence
    optimizers: Sequence
    poll: float = POLL
    stop: threading.Event = field(default_factory=threading.Event)

    def work(self, environment: Optional[Mapping] = None) -> None:
        """Train what is free, one run after the other.

        Waits while others train runs that further ones depend on. Any number
        of workers may do so at once, in this process and in others.

        Args:
            environment (Mapping | None): Variables for the trainings.

        Raises:
            ValueError: If a folder has the training of another config.
            KeyboardInterrupt: If a training was told to stop.
        """
        while not self.stop.is_set():
            study, run, lock = self._next()
            if run is not None:
                with lock:
                    self._train(study, run, lock, environment)
            elif self._can_follow():
                self.stop.wait(self.poll)
            else:
                return

    def _train(self, study: Study, run, lock, environment: Optional[Mapping]) -> None:
        print(starts(self, study, run), flush=True)
        result = study.train(run, lock, environment)
        print(ends(self, study, run, result), flush=True)
        study.write_tables()

    def _next(self) -> tuple:
        for study in self.studies:
            run, lock = study.next_run(self.optimizers)
            if run is not None:
                return study, run, lock
        return None, None, None

    def _can_follow(self) -> bool:
        """Whether others train, and more is left than what they do."""
        held = sum(len(study.held(self.optimizers)) for study in self.studies)
        return bool(held) and self.left > held

    @property
    def total(self) -> int:
        """How many runs the plan has."""
        return sum(
            study.plan.count(optimizer, method)
            for study in self.studies
            for optimizer in self.optimizers
            for method in study.plan.methods
        )

    @property
    def done(self) -> int:
        """How many of them are finished."""
        return sum(
            len(study.done(optimizer)) for study in self.studies for optimizer in self.optimizers
        )

    @property
    def failed(self) -> list:
        """(study, run, last line) of those that have failed."""
        return [
            (study, run, line)
            for study in self.studies
            for run, line in read_failed(study.plan, study.folder).items()
            if run.optimizer in self.optimizers and run in study.known(run.optimizer)
        ]

    @property
    def left(self) -> int:
        """How many are neither finished nor have failed since this one began."""
        lost = sum(study.has_failed(run) for study, run, _ in self.failed)
        return self.total - self.done - lost
