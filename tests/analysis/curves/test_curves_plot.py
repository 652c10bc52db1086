"""The picture of several trainings."""

import pytest
from analysis.curves.logs import train_row, val_row, write_log

from surge_mmdet.analysis.curves import plot_curves


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
