"""Columns of text."""

import pytest

from surge_mmdet.text import aligned

ROWS = [['a', 'b', 'c'], ['long', '10', 'x y']]


def test_words_stand_left_and_numbers_right():
    assert aligned(ROWS) == ['a     b   c', 'long  10  x y']
    assert aligned(ROWS, left=1) == ['a      b    c', 'long  10  x y']
    assert aligned(ROWS, left=2)[0] == 'a     b     c'


def test_lines_end_with_their_last_word():
    assert aligned([['a', ''], ['b', 'reason']], left=None) == ['a', 'b  reason']
    assert aligned([]) == []


def test_every_row_has_all_cells():
    with pytest.raises(ValueError, match='shorter'):
        aligned([['a', 'b'], ['a']])
