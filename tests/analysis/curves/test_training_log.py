"""Reading logs of interrupted and resumed runs, and drawing them."""

import json

import pytest

from surge_mmdet.analysis import plot_curves, read_scalars, split_rows


def write_log(work, stamp, rows):
    folder = work / stamp / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(json.dumps(row) for row in rows))


def train_row(iteration, loss, **surge):
    return dict(iter=iteration, loss=loss, time=1.0, **surge)


def val_row(epoch, ap):
    return {'step': epoch, 'coco/bbox_mAP': ap, 'coco/bbox_mAP_50': 2 * ap}


def test_resumed_part_replaces_what_it_repeats(tmp_path):
    write_log(tmp_path, '1', [train_row(1, 9.0), train_row(2, 8.0), val_row(1, 0.1)])
    write_log(tmp_path, '2', [train_row(2, 7.0), train_row(3, 6.0), val_row(2, 0.2)])
    train, val = split_rows(read_scalars(tmp_path))
    assert [r['loss'] for r in train] == [9.0, 7.0, 6.0]
    assert [r['step'] for r in val] == [1, 2]


def test_folder_without_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='--work-dir'):
        read_scalars(tmp_path)


@pytest.mark.parametrize(
    'surge',
    [
        {},
        {'surge.lambda.neck': 0.2, 'surge.cosine.neck': 0.5},
        {'surge/lambda/neck': 0.2, 'surge/cosine/neck': 0.5},
    ],
    ids=['none', 'now', 'release-0.1.0'],
)
def test_picture_is_drawn(tmp_path, surge):
    write_log(
        tmp_path / 'run',
        '1',
        [train_row(1, 2.0, **surge), train_row(2, 1.0, **surge), val_row(1, 0.1)],
    )
    target = tmp_path / 'curves.png'
    plot_curves({'run': tmp_path / 'run'}, target)
    from PIL import Image

    width = Image.open(target).width
    assert width > (1500 if surge else 800)
    assert (width > 1500) == bool(surge)


def test_line_cut_by_a_kill_is_left_out(tmp_path):
    write_log(tmp_path, '1', [train_row(1, 9.0)])
    file = tmp_path / '1/vis_data/scalars.json'
    file.write_text(file.read_text() + '\n{"iter": 2, "lo')
    assert [row['iter'] for row in read_scalars(tmp_path)] == [1]
