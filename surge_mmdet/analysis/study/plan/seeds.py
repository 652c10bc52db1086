"""The seeds of a plan: distinct whole numbers, and partners that share them.

A seed that stands twice would be counted as two, and narrow every interval; one
that is text equals no number, so that the tuning seed could be among those that
are reported.
"""

from collections.abc import Mapping, Sequence
from typing import Optional

from .plan import Plan

MOST = 2**32  # what NumPy takes


def read_tune_seed(given: object) -> int:
    """The seed on which rates are chosen.

    Raises:
        ValueError: If it is no whole number; the text shows the corrected line.
    """
    if not _is_seed(given):
        raise ValueError(
            f'tune_seed={given!r} is no whole number. Write tune_seed = {_whole(given) or 0}.'
        )
    return given


def read_seeds(given: object, tune_seed: int) -> tuple:
    """The seeds on which methods are compared.

    Raises:
        ValueError: If they are no distinct whole numbers, or one is the tuning
            seed; the text shows the corrected line.
    """
    right = _corrected(given, (tune_seed,)) or _next((tune_seed,))
    return _distinct('seeds', given, {'tune_seed': (tune_seed,)}, f'seeds = {right}')


def read_more_seeds(given: Mapping, seeds: tuple, tune_seed: int) -> dict:
    """Further seeds of some methods, none of ``seeds`` and not the tuning seed.

    Args:
        given (Mapping): Label to seeds.
        seeds (tuple): That every method has.
        tune_seed (int): On which rates are chosen.

    Raises:
        ValueError: As :func:`read_seeds`.
    """
    taken = (tune_seed, *seeds)
    others = {'seeds': seeds, 'tune_seed': (tune_seed,)}
    right = {label: _corrected(each, taken) or _next(taken) for label, each in given.items()}
    return {
        label: _distinct(f'more_seeds[{label!r}]', each, others, f'more_seeds = {right}')
        for label, each in given.items()
    }


def require_partners(plan: Plan) -> None:
    """Refuse more seeds of a method whose baseline or teacher lacks them.

    A student needs its teacher on each seed, and a comparison the baseline.

    Raises:
        ValueError: That names all that lack some; the text shows the whole line.
    """
    more, lost = {label: list(each) for label, each in plan.more_seeds.items()}, {}
    waiting = list(more)
    while waiting:
        method = waiting.pop(0)
        for needed in _needs(plan, method):
            new = set(more[method]) - set(more.get(needed, ()))
            if new:
                lost.setdefault(needed, method)
                more[needed] = sorted({*more.get(needed, ()), *new})
                waiting.append(needed)  # which may have a teacher itself
    if lost:
        each = ', '.join(f'{needed!r} (needed by {method!r})' for needed, method in lost.items())
        right = {label: tuple(seeds) for label, seeds in more.items()}
        raise ValueError(f'more_seeds lacks seeds of {each}. Write more_seeds = {right}.')


def _needs(plan: Plan, method: str) -> list:
    """Whom a method is compared with, and who teaches it."""
    named = (plan.baseline, plan.change(method).teacher)
    return [each for each in named if each not in (None, method)]


def _distinct(key: str, given: object, taken: Mapping, line: str) -> tuple:
    problem = _problem(given, taken)
    if problem:
        raise ValueError(f'{key}: {given!r} {problem}. Write {line}.')
    return tuple(given)


def _problem(given: object, taken: Mapping) -> Optional[str]:
    if not isinstance(given, (list, tuple, range)):
        return 'is no tuple of whole numbers'
    wrong = [each for each in given if not _is_seed(each)]
    if wrong:
        return f'has {wrong[0]!r}, and seeds are whole numbers'
    twice = [each for each in given if list(given).count(each) > 1]
    if twice:
        return f'has {twice[0]} twice: one training would count as two'
    for key, others in taken.items():
        both = [each for each in given if each in others]
        if both:
            why = ', on which the rates are chosen' * (key == 'tune_seed')
            return f'has {both[0]}, which stands in {key}{why}'
    return None


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value < MOST


def _whole(value: object) -> Optional[int]:
    """The seed that was meant, if that is plain."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    return number if _is_seed(number) else None


def _corrected(given: object, taken: Sequence) -> tuple:
    """The seeds among what was written, once each, without those that are taken."""
    listed = given if isinstance(given, (list, tuple, range)) else (given,)
    if isinstance(given, str):  # '12' may mean two seeds or one
        return ()
    found = dict.fromkeys(_whole(each) for each in listed)
    return tuple(seed for seed in found if seed is not None and seed not in taken)


def _next(taken: Sequence) -> tuple:
    """Two seeds that nobody has."""
    return tuple(max(taken) + step for step in (1, 2))
