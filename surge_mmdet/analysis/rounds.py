"""Contestants against each other in rounds, and the ratios of their times.

All take a turn in each round, each round in another order, so that drifts of
the machine's speed meet all alike and nobody always follows the same one.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from statistics import quantiles

RATIO = '{:.2f} ({:.2f}-{:.2f})'  # how a table prints what `ratio` gives


def round_order(names: Iterable, index: int) -> list:
    """Names in the order of one round: random, the same for each index."""
    names = list(names)
    random.Random(index).shuffle(names)
    return names


def take_turns(turns: Mapping, rounds: int, warmup: int) -> dict:
    """Let each contestant take its turn in each round.

    Args:
        turns (Mapping[str, Callable]): Label to what takes one turn and gives
            its seconds.
        rounds, warmup (int): Rounds that count, and those before.

    Returns:
        dict[str, list]: Label to the seconds of each round.

    Examples:
        >>> take_turns({'a': lambda: 1.0, 'b': lambda: 2.0}, rounds=2, warmup=1)
        {'a': [1.0, 1.0], 'b': [2.0, 2.0]}
    """
    found: dict[str, list] = {label: [] for label in turns}
    for index in range(rounds + warmup):
        for label in round_order(turns, index):
            turn: Callable[[], float] = turns[label]
            seconds = turn()
            if index >= warmup:
                found[label].append(seconds)
    return found


def ratio(times: list, base: list) -> tuple:
    """Median, 25 % and 75 % quantile of the ratios of each round.

    Examples:
        >>> ratio([2., 4., 9.], [1., 2., 3.])
        (2.0, 2.0, 2.5)
    """
    each = [a / b for a, b in zip(times, base, strict=True)]
    if len(each) == 1:
        return (each[0],) * 3
    low, middle, high = quantiles(each, n=4, method='inclusive')
    return middle, low, high
