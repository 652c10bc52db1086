"""Contestants of a benchmark: built, checked for their values, and only then timed."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple, Optional

from ..rounds import take_turns
from .instruction_sets import NATIVE

TURN = 2e-3  # least seconds of what one turn times, so that the clock is fine enough
SHORT = 5e-2  # seconds; below them it matters what others have left in the caches


class Unavailable(Exception):
    """A contestant that cannot run here; the text is the reason, as a table shows it."""


class Tolerance(NamedTuple):
    """How far values may be off, as :func:`relative_error` measures it.

    float32 covers Winograd's transforms. Binary ones add the same integers;
    what is left is one affine in float32. In a chain a value that is 0 but for
    rounding may take the other sign. int8 differs by what 8 bits cost.
    """

    float32: float = 1e-3
    binary: float = 1e-5
    binary_chain: float = 2e-2
    bfloat16: float = 2e-2
    int8: float = 1e-1


TOLERANCE = Tolerance()


CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}


class Pace(NamedTuple):
    """How a contest is timed.

    Args:
        rounds, warmup (int): Rounds that count, and those before.
        threads (int): For every contestant.
        isa (str): What the environment holds the process to.
        clock (str): Of :data:`CLOCKS`; ``cpu`` leaves out what other programs
            take, and is for one thread.
        only (tuple): Labels of those that take part; empty for all.
    """

    rounds: int = 20
    warmup: int = 2
    threads: int = 1
    isa: str = NATIVE
    clock: str = 'wall'
    only: tuple = ()

    def now(self) -> float:
        """Seconds by the clock."""
        return CLOCKS[self.clock]()


def relative_error(got: Sequence, want: Sequence) -> float:
    """The largest ``|got - want| / |want|`` of pairs of tensors, in the Euclidean norm.

    Infinite where the shapes differ or something is not finite.

    Examples:
        >>> import torch
        >>> relative_error([torch.tensor([3.0, 4.5])], [torch.tensor([3.0, 4.0])])
        0.1
    """
    return max(_share(*pair) for pair in _differences(got, want))


def overall_error(got: Sequence, want: Sequence) -> float:
    """The same over all tensors as if they were one: noise of a small one counts little."""
    pairs = _differences(got, want)
    off, size = (sum(v * v for v in each) ** 0.5 for each in zip(*pairs, strict=True))
    return _share(off, size)


def _differences(got: Sequence, want: Sequence) -> list:
    """The norms of (got - want, want) of each pair."""
    if [tuple(t.shape) for t in got] != [tuple(t.shape) for t in want]:
        return [(float('inf'), 1.0)]
    pairs = [(a.double(), b.double()) for a, b in zip(got, want, strict=True)]
    return [((a - b).norm().item(), b.norm().item()) for a, b in pairs]


def _share(off: float, size: float) -> float:
    if off != off or size != size:
        return float('inf')
    return off / size if size else (float('inf') if off else 0.0)


class Runner(NamedTuple):
    """A contestant that is ready.

    Attributes:
        run (Callable): What is timed.
        error (Callable[[], float]): How far its values are off.
    """

    run: Callable
    error: Callable

    @classmethod
    def checked(
        cls,
        run: Callable,
        want: Callable,
        values: Optional[Callable] = None,
        error_of: Callable = relative_error,
    ) -> 'Runner':
        """One whose ``values`` (what ``run`` gives) have to be those of ``want``."""

        def error() -> float:
            got = (values or run)()
            return error_of([t.detach().float() for t in got], want())

        return cls(run, error)


@dataclass(frozen=True)
class Contestant:
    """Who takes part.

    Args:
        label (str): In tables.
        kind (str): ``ours``, ``float32``, ``int8``, ``bfloat16``, ``binary``
            or ``simulated``: whom ratios compare.
        build (Callable[[], Runner]): Raises :class:`Unavailable`, or
            ImportError where its package is missing.
        tolerance (float): The largest error.
        parts (int): A run does the work so many times.
    """

    label: str
    kind: str
    build: Callable
    tolerance: float
    parts: int = 1


@dataclass
class Outcome:
    """What became of a contestant.

    Attributes:
        kind (str): The contestant's.
        seconds (list): Of each round; empty for one that does not count.
        why (str): Why it does not count, as the table shows it.
        error (float | None): Of its values, relative to those it has to give.
    """

    kind: str
    seconds: list = field(default_factory=list)
    why: str = ''
    error: Optional[float] = None

    @property
    def counts(self) -> bool:
        """Whether its time may be compared."""
        return not self.why


def compete(contestants: Iterable, pace: Pace) -> dict:
    """Build all, check their values, and let those that are right take turns.

    Args:
        contestants (Iterable[Contestant]): With different labels.
        pace (Pace): How they are timed.

    Returns:
        dict[str, Outcome]: By label, in the order of the contestants.
    """
    outcomes, turns = {}, {}
    for one in contestants:
        if pace.only and one.label not in pace.only:
            continue
        outcome = outcomes[one.label] = Outcome(one.kind)
        runner = _ready(one, outcome)
        if outcome.counts:
            turns[one.label] = _Turn(runner.run, one.parts, pace)
    for label, seconds in take_turns(turns, pace.rounds, pace.warmup).items():
        outcomes[label].seconds = seconds
    return outcomes


def _ready(one: Contestant, outcome: Outcome) -> Optional[Runner]:
    """The contestant's runner; ``outcome`` says why where there is none."""
    try:
        runner = one.build()
        outcome.error = runner.error()
    except ImportError as error:
        outcome.why = f'not installed ({error.name or error})'
        return None
    except Unavailable as error:
        outcome.why = str(error)
        return None
    except Exception as error:  # exporters and runtimes raise whatever they like
        outcome.why = f'failed: {type(error).__name__}: {_first_line(error)}'
        return None
    if outcome.error > one.tolerance:
        outcome.why = f'wrong values (relative error {outcome.error:.2g})'
    return runner


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else ''


class _Turn:
    """As many calls as the clock needs; short ones after one that is not timed.

    Others have emptied the caches, and their threads may not sleep yet.
    """

    def __init__(self, run: Callable, parts: int, pace: Pace) -> None:
        self.run, self.parts, self.now = run, parts, pace.now
        once = median(self._seconds(1) for _ in range(3))
        self.calls, self.short = max(1, round(TURN / once)), once < SHORT

    def __call__(self) -> float:
        if self.short:
            self.run()
        return self._seconds(self.calls) / self.calls / self.parts

    def _seconds(self, calls: int) -> float:
        start = self.now()
        for _ in range(calls):
            self.run()
        return self.now() - start
