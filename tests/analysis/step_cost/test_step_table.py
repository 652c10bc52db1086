import pytest

from surge_mmdet.analysis.step_cost import table as step_table
from surge_mmdet.analysis.step_cost.memory import MIB


def test_memory_that_was_not_measured_is_a_dash():
    rows = dict(
        STE=dict(seconds=[1.0], saved=2 * MIB, allocator=0, growth=None),
        SURGE=dict(seconds=[2.0], saved=3 * MIB, allocator=MIB, growth=None),
    )
    head, _, _, surge = step_table.steps_table(rows, 'STE').markdown().splitlines()
    assert head == (
        '| | s/step | x STE (25-75 %) | saved MiB | x | allocator peak MiB | x '
        '| resident peak MiB | x | its growth MiB | x |'
    )
    assert surge == '| SURGE | 2.000 | 2.00 (2.00-2.00) | 3.0 | 1.50 | 1.0 | - | - | - | - | - |'


def test_layers_stand_side_by_side():
    rows = dict(STE=dict(seconds=[0.5, 1.5], saved=MIB, allocator=MIB))
    table = step_table.layers_table({'a': rows, 'b': rows}, 'STE')
    assert table.markdown().splitlines()[2] == (
        '| STE | 1000.0 | 1.00 (1.00-1.00) | 1.0 | 1.0 | 1000.0 | 1.00 (1.00-1.00) | 1.0 | 1.0 |'
    )


def test_base_is_ste_where_it_takes_part():
    assert step_table.choose_base(['FP32', 'STE']) == 'STE'
    assert step_table.choose_base(['b', 'a']) == 'b'
    assert step_table.choose_base(['FP32', 'STE'], 'FP32') == 'FP32'
    with pytest.raises(ValueError, match="Write --base 'FP32'"):
        step_table.choose_base(['FP32', 'STE'], 'ste')
