"""Accuracy from COCO files, and the tables of trained detectors."""

import json

import pytest

from surge_mmdet.analysis.curves import coco_accuracy, rows_tables


@pytest.fixture
def files(tmp_path):
    """Two classes, one box each; only the first is found well."""
    truth = dict(
        info={},
        images=[dict(id=1, width=100, height=100, file_name='')],
        categories=[dict(id=0, name='cat'), dict(id=1, name='dog')],
        annotations=[
            dict(
                id=i + 1,
                image_id=1,
                category_id=i,
                iscrowd=0,
                area=400,
                bbox=[10 + 40 * i, 10, 20, 20],
            )
            for i in range(2)
        ],
    )
    found = [
        dict(image_id=1, category_id=0, bbox=[10, 10, 20, 20], score=0.9),
        dict(image_id=1, category_id=1, bbox=[50, 10, 20, 12], score=0.8),
    ]
    paths = tmp_path / 'a.gt.json', tmp_path / 'a.bbox.json'
    for path, content in zip(paths, (truth, found), strict=True):
        path.write_text(json.dumps(content))
    return paths


def test_accuracy_per_class(files):
    row = coco_accuracy(*files)
    assert row['AP50/cat'] == pytest.approx(1.0)
    assert row['AP50/dog'] == pytest.approx(1.0)
    # IoU 0.6 of the dog counts at 0.50, 0.55 and 0.60 of ten thresholds.
    assert row['AP'] == pytest.approx((1.0 + 0.3) / 2, abs=0.051)
    assert row['AP50'] == pytest.approx(1.0)


def test_missing_class_counts_as_zero(files):
    found = json.loads(files[1].read_text())[:1]
    files[1].write_text(json.dumps(found))
    row = coco_accuracy(*files)
    assert row['AP50/dog'] == 0 and row['AP50'] == pytest.approx(0.5)


def test_tables_sort_what_is_known_and_mark_gaps():
    first = {'AP': 0.5, 'AP50/cat': 1.0, 'MB': 12.34, 's/step': 2.0, 'iterations': 300}
    tables = rows_tables({'a': first, 'b': {'AP': 1.0, 'skipped steps': 0}})
    assert {name: table.markdown().splitlines() for name, table in tables.items()} == dict(
        accuracy=[
            '| | AP | AP50/cat |',
            '|---|---|---|',
            '| a | 0.500 | 1.000 |',
            '| b | 1.000 | - |',
        ],
        size=['| | MB |', '|---|---|', '| a | 12.3 |', '| b | - |'],
        time=[
            '| | s/step | iterations | skipped steps |',
            '|---|---|---|---|',
            '| a | 2.000 | 300 | - |',
            '| b | - | - | 0 |',
        ],
    )


def test_detector_that_finds_nothing_scores_zero(files):
    files[1].write_text('[]')
    assert set(coco_accuracy(*files).values()) == {0.0}
