"""Methods against each other, step by step, each in a process of its own."""

import multiprocessing
import sys
from functools import partial

from ..rounds import take_turns
from .trainer import Setup, StepTrainer


class MethodProcess:
    """A method's process, seen from the main one.

    Raises:
        RuntimeError: When it is asked and has died; it has told why.
    """

    def __init__(self, setup: Setup) -> None:
        context = multiprocessing.get_context('spawn')
        self.config = setup.config
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, daemon=True, args=(setup, theirs))
        self.process.start()
        theirs.close()  # so that its death is seen here

    def ask(self, request: str):
        """What the process answers."""
        try:
            self.pipe.send(request)
            return self.pipe.recv()
        except (EOFError, OSError):
            raise RuntimeError(
                f'{self.config} ended with the error above. Check that '
                'the file exists and trains: python tools/train.py '
                f'{self.config}'
            ) from None

    def close(self) -> None:
        """End the process."""
        self.pipe.send('')
        self.process.join()


def race(setups: dict, rounds: int, warmup: int) -> tuple:
    """Let these setups, by label, run against each other.

    Returns:
        tuple: By label the seconds of each round and the bytes; and what the
        first method tells about its steps.

    Raises:
        RuntimeError: If a process dies.
    """
    processes = {label: MethodProcess(setup) for label, setup in setups.items()}
    # An answer comes after the building, which no step may run beside.
    details = [process.ask('details') for process in processes.values()]
    turns = {label: partial(process.ask, 'step') for label, process in processes.items()}
    found = {
        label: dict(seconds=seconds) for label, seconds in take_turns(turns, rounds, warmup).items()
    }
    for label, process in processes.items():
        found[label].update(process.ask('memory'))
        process.close()
    return found, details[0]


def serve(setup: Setup, pipe) -> None:
    """Be a method's process: answer ``step``, ``memory``, ``details``.

    An empty request ends it.
    """
    import logging

    from mmengine.logging import MMLogger

    MMLogger.get_instance('benchmark', log_level=logging.WARNING)
    try:
        trainer = StepTrainer(setup)
    except (FileNotFoundError, TypeError, ValueError) as error:
        sys.exit(str(error))
    while request := pipe.recv():
        pipe.send(getattr(trainer, request)())
