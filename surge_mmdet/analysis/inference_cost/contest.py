"""Contestants of a benchmark: built, checked for their values, and only then timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple, Optional

from torch import Tensor

from ..rounds import take_turns

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


class Runner(NamedTuple):
    """A contestant that is ready.

    Attributes:
        run (Callable): What is timed.
        values (Callable): Gives the tensors that are checked.
    """

    run: Callable
    values: Callable

    @classmethod
    def of(cls, run: Callable) -> 'Runner':
        """A contestant that gives its values itself."""
        return cls(run, run)


@dataclass(frozen=True)
class Contestant:
    """Who takes part.

    Args:
        label (str): In tables.
        kind (str): ``ours``, ``float32``, ``int8``, ``bfloat16``, ``binary``
            or ``simulated``: whom ratios compare.
        build (Callable[[], Runner]): Raises :class:`Unavailable`, or
            ImportError where its package is missing.
        want (Callable[[], Sequence]): The tensors that it has to give.
        tolerance (float): The largest :func:`relative_error`.
        parts (int): A run does the work so many times.
    """

    label: str
    kind: str
    build: Callable
    want: Callable
    tolerance: float
    parts: int = 1


@dataclass
class Outcome:
    """What became of a contestant.

    Attributes:
        kind (str): The contestant's.
        seconds (list): Of each round; empty for one that does not count.
        why (str): Why it does not count, as the table shows it.
        error (float | None): :func:`relative_error` of its values.
    """

    kind: str
    seconds: list = field(default_factory=list)
    why: str = ''
    error: Optional[float] = None

    @property
    def counts(self) -> bool:
        """Whether its time may be compared."""
        return not self.why


def relative_error(got: Sequence, want: Sequence) -> float:
    """The largest ``|got - want| / |want|`` of pairs of tensors, in the Euclidean norm.

    Infinite where the shapes differ or something is not finite.

    Examples:
        >>> relative_error([torch.tensor([3.0, 4.5])], [torch.tensor([3.0, 4.0])])
        0.1
    """
    if [tuple(t.shape) for t in got] != [tuple(t.shape) for t in want]:
        return float('inf')
    errors = [_error(a.double(), b.double()) for a, b in zip(got, want, strict=True)]
    return max(e if e == e else float('inf') for e in errors)


def _error(got: Tensor, want: Tensor) -> float:
    size = want.norm().item()
    off = (got - want).norm().item()
    return off / size if size else float('inf') * off if off else 0.0


def compete(contestants: Sequence, rounds: int, warmup: int) -> dict:
    """Build all, check their values, and let those that are right take turns.

    Args:
        contestants (Sequence[Contestant]): With different labels.
        rounds, warmup (int): Rounds that count, and those before.

    Returns:
        dict[str, Outcome]: By label, in the order of the contestants.
    """
    outcomes, turns = {}, {}
    for one in contestants:
        outcome = outcomes[one.label] = Outcome(one.kind)
        runner = _ready(one, outcome)
        if outcome.counts:
            turns[one.label] = _Turn(runner.run, one.parts)
    for label, seconds in take_turns(turns, rounds, warmup).items():
        outcomes[label].seconds = seconds
    return outcomes


def _ready(one: Contestant, outcome: Outcome) -> Optional[Runner]:
    """The contestant's runner; ``outcome`` says why where there is none."""
    try:
        runner = one.build()
        got = [t.detach().float() for t in runner.values()]
    except ImportError as error:
        outcome.why = f'not installed ({error.name or error})'
        return None
    except Unavailable as error:
        outcome.why = str(error)
        return None
    except Exception as error:  # exporters and runtimes raise whatever they like
        outcome.why = f'failed: {type(error).__name__}: {_first_line(error)}'
        return None
    outcome.error = relative_error(got, one.want())
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

    def __init__(self, run: Callable, parts: int) -> None:
        self.run, self.parts = run, parts
        once = median(self._seconds(1) for _ in range(3))
        self.calls, self.short = max(1, round(TURN / once)), once < SHORT

    def __call__(self) -> float:
        if self.short:
            self.run()
        return self._seconds(self.calls) / self.calls / self.parts

    def _seconds(self, calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            self.run()
        return time.perf_counter() - start
