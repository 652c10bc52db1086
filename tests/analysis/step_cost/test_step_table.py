import json

import pytest

from surge_mmdet.analysis import step_table
from surge_mmdet.analysis.step_cost import MIB


def test_ratio_is_that_of_the_rounds_not_of_the_medians():
    times, base = [1.0, 20.0, 3.0], [1.0, 10.0, 2.0]
    assert step_table.ratio(times, base) == (1.5, 1.25, 1.75)
    assert step_table.ratio([3.0], [2.0]) == (1.5, 1.5, 1.5)
    with pytest.raises(ValueError):
        step_table.ratio([1.0, 2.0], [1.0])


def test_cells_of_what_was_not_measured_are_dashes():
    row, base = dict(saved=3 * MIB, growth=None), dict(saved=2 * MIB)
    assert step_table.memory_cells(row, base, 'saved') == ['3.0', '1.50']
    assert step_table.memory_cells(row, base, 'growth') == ['-', '-']
    assert step_table.memory_cells(row, dict(saved=0), 'saved') == ['3.0', '-']


def test_nobody_always_follows_the_same():
    names = ['a', 'b', 'c']
    before = {name: set() for name in names}
    for index in range(12):
        order = step_table.round_order(names, index)
        assert sorted(order) == names
        for first, second in zip(order, order[1:], strict=False):
            before[second].add(first)
    assert all(len(found) == 2 for found in before.values())
    assert step_table.round_order(names, 5) == step_table.round_order(names, 5)


def test_base_is_ste_where_it_takes_part():
    assert step_table.choose_base(['FP32', 'STE']) == 'STE'
    assert step_table.choose_base(['b', 'a']) == 'b'
    assert step_table.choose_base(['FP32', 'STE'], 'FP32') == 'FP32'
    with pytest.raises(ValueError, match="Write --base 'FP32'"):
        step_table.choose_base(['FP32', 'STE'], 'ste')


def test_conditions_tell_command_and_versions(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tool.py', 'a b'])
    text = step_table.conditions_text(step_table.conditions(threads=3, device='cpu'))
    assert "`python tool.py 'a b'`" in text and 'threads 3' in text
    assert 'Python 3.' in text and 'torch 2.' in text


def test_files_are_written_where_asked(tmp_path):
    page, out = tmp_path / 'new/page.md', tmp_path / 'out.json'
    step_table.write('text\n', dict(a=1), page, out)
    assert page.read_text() == 'text\n'
    assert json.loads(out.read_text()) == dict(a=1)
    step_table.write('text', {}, None, None)
