"""Reading logs of interrupted and resumed runs."""

import pytest
from analysis.curves.logs import train_row, val_row, write_log

from surge_mmdet.analysis.curves import read_scalars, split_rows


def test_resumed_part_replaces_what_it_repeats(tmp_path):
    write_log(tmp_path, '1', [train_row(1, 9.0), train_row(2, 8.0), val_row(1, 0.1)])
    write_log(tmp_path, '2', [train_row(2, 7.0), train_row(3, 6.0), val_row(2, 0.2)])
    train, val = split_rows(read_scalars(tmp_path))
    assert [r['loss'] for r in train] == [9.0, 7.0, 6.0]
    assert [r['step'] for r in val] == [1, 2]


def test_folder_without_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='--work-dir'):
        read_scalars(tmp_path)


def test_line_cut_by_a_kill_is_left_out(tmp_path):
    write_log(tmp_path, '1', [train_row(1, 9.0)])
    file = tmp_path / '1/vis_data/scalars.json'
    file.write_text(file.read_text() + '\n{"iter": 2, "lo')
    assert [row['iter'] for row in read_scalars(tmp_path)] == [1]
