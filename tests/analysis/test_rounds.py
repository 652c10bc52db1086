"""Turns, their order, and ratios round by round."""

import pytest

from surge_mmdet.analysis import rounds


def test_ratio_is_that_of_the_rounds_not_of_the_medians():
    times, base = [1.0, 20.0, 3.0], [1.0, 10.0, 2.0]
    assert rounds.ratio(times, base) == (1.5, 1.25, 1.75)
    assert rounds.ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
    with pytest.raises(ValueError):
        rounds.ratio([1.0, 2.0], [1.0])


def test_nobody_always_follows_the_same():
    names = ['a', 'b', 'c']
    before = {name: set() for name in names}
    for index in range(12):
        order = rounds.round_order(names, index)
        assert sorted(order) == names
        for first, second in zip(order, order[1:], strict=False):
            before[second].add(first)
    assert all(len(found) == 2 for found in before.values())
    assert rounds.round_order(names, 5) == rounds.round_order(names, 5)


def test_all_take_a_turn_in_each_round_and_the_first_do_not_count():
    taken = []

    def turn(label):
        taken.append(label)
        return len(taken)

    found = rounds.take_turns({n: lambda n=n: turn(n) for n in 'abc'}, rounds=4, warmup=2)
    assert {label: len(seconds) for label, seconds in found.items()} == dict(a=4, b=4, c=4)
    assert all(sorted(taken[i : i + 3]) == list('abc') for i in range(0, 18, 3))
    assert min(min(seconds) for seconds in found.values()) == 7  # after two rounds of three
    for index in range(2, 6):
        want = rounds.round_order('abc', index)
        assert sorted('abc', key=lambda n: found[n][index - 2]) == want
