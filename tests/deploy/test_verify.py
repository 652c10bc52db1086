"""Detections of a packed file held against those of its checkpoint."""

import json
import math
from types import SimpleNamespace

import pytest
import torch
from conftest import find_classes, photo_crop, write_coco, write_voc
from deploy.packing import config, detector, save
from mmengine.structures import InstanceData

from surge_mmdet.deploy import load_packed
from surge_mmdet.deploy.agreement import agreement, match
from surge_mmdet.deploy.publish import publish
from surge_mmdet.deploy.verify import RUNS, detect, image_paths, verify


def boxes(*rows):
    """Rows of (x, y, side, score, label)."""
    found = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    x, y, side, score, label = found.unbind(1)
    corners = torch.stack([x, y, x + side, y + side], 1)
    return InstanceData(bboxes=corners, scores=score, labels=label.long())


def test_equal_boxes_are_matched_whatever_their_order():
    ours = boxes((0, 0, 10, 0.9, 0), (20, 20, 10, 0.8, 1))
    theirs = boxes((20, 20, 10, 0.7, 1), (0, 0, 10, 0.9, 0))
    found = match(ours, theirs)
    assert found.found == (2, 2)
    assert torch.allclose(found.pairs, torch.tensor([[1.0, 0.0], [1.0, 0.1]]))


@pytest.mark.parametrize(
    'theirs, found, pairs',
    [
        (boxes((0, 0, 10, 0.9, 1)), (1, 1), 0),  # another class
        (boxes((7, 7, 10, 0.9, 0)), (1, 1), 0),  # too little overlap
        (boxes((1, 0, 10, 0.9, 0)), (1, 1), 1),
        (boxes((0, 0, 10, 0.2, 0)), (1, 1), 1),  # one of the scores is enough
        (boxes((40, 0, 10, 0.2, 0)), (1, 0), 0),  # too weak to count alone
        (boxes((0, 0, 10, 0.9, 0), (1, 0, 10, 0.8, 0)), (1, 2), 1),  # one box, one partner
        (boxes(), (1, 0), 0),
    ],
)
def test_pairs_have_one_class_and_overlap(theirs, found, pairs):
    matching = match(boxes((0, 0, 10, 0.9, 0)), theirs)
    assert matching.found == found and len(matching.pairs) == pairs


def test_the_strongest_box_chooses_first():
    ours = boxes((4, 0, 10, 0.5, 0), (0, 0, 10, 0.9, 0))
    found = match(ours, boxes((1, 0, 10, 0.9, 0)))
    assert len(found.pairs) == 1 and torch.allclose(found.pairs[0, 0], torch.tensor(90 / 110))


def test_nothing_found_is_said():
    assert match(boxes(), boxes()).found == (0, 0)
    nothing = agreement([[boxes()] * 3] * 2, [[2.0] * 3, [1.0] * 3])
    assert nothing.found == (0, 0) and nothing.matched == 0
    assert math.isnan(nothing.share) and math.isnan(nothing.iou)
    assert 'nothing matched: there is nothing to compare' in str(nothing)


def test_the_speed_is_the_median_of_the_turns():
    times = [[6.0, 8.0, 30.0, 10.0, 9.0], [2.0, 2.0, 3.0, 2.0, 9.0]]
    found = agreement([[boxes((0, 0, 10, 0.9, 0))]] * 2, times)
    assert found.milliseconds == (9.0, 2.0) and found.runs == 5
    assert found.faster == (4.0, 3.0, 5.0)
    text = str(found)
    assert 'Both detectors on 1 image,' in text
    assert (
        'packed is 4.00 times as fast (median of 5 runs of each, by turns; middle half 3.00' in text
    )


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Checkpoint, packed file, folder of images and their annotations."""
    folder = tmp_path_factory.mktemp('verify')
    cfg = config('FasterRCNN')
    cfg.model.test_cfg.rcnn.max_per_img = 5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **options: (text, True))
        classes = find_classes(cfg)
        model = detector(cfg)
        meta = dict(dataset_meta=dict(classes=classes))
        checkpoint = save(cfg, folder / 'a.pth', model, meta=meta)
    publish(checkpoint, folder / 'a.safetensors', real='float32')
    write_coco(write_voc(folder, classes), classes)
    return checkpoint, folder / 'a.safetensors', folder / 'train2017', folder / 'annotations'


def test_a_detector_agrees_with_itself(files):
    checkpoint, path, images, _ = files
    models = (load_packed(path), load_packed(path))
    results, times = detect(models, image_paths([images]))
    for one, other in zip(*results, strict=True):
        found = match(one, other, score=0.0)
        assert found.found == (5, 5) and len(found.pairs) == 5
        assert (found.pairs[:, 0] == 1).all() and (found.pairs[:, 1] == 0).all()
    assert len(times) == 2 and len(times[0]) == 4 and min(times[0] + times[1]) > 0


def test_few_images_are_taken_again_for_the_times(monkeypatch, files):
    order = []

    def inference(model, image):
        order.append(model)
        return SimpleNamespace(pred_instances=len(order))

    monkeypatch.setattr('mmdet.apis.inference_detector', inference)
    results, times = detect('ab', image_paths([files[2]])[:2], runs=3)
    assert ''.join(order) == 'ab' + 'ab' + 'ba' + 'ab', 'once to set up, then by turns'
    assert results == [[3, 6], [4, 5]]
    assert [len(each) for each in times] == [3, 3]


def test_verify_counts_boxes_and_gives_ap_of_both(files):
    checkpoint, path, images, annotations = files
    found = verify(checkpoint, path, [images], ann=str(annotations / 'instances_train.json'))
    assert found.images == 4
    assert 0 < found.matched <= min(found.found)
    assert 0.5 <= found.iou <= 1 and 0 < found.share <= 1
    assert found.score_difference[0] <= found.score_difference[1] < 1
    assert all(0 <= each <= 1 for each in found.ap)
    assert found.runs == RUNS
    rows = [line.split() for line in str(found).splitlines()]
    assert ['boxes,', 'score', '>=', '0.3', *map(str, found.found)] in rows
    assert ['AP', *(f'{value:.3f}' for value in found.ap)] in rows
    assert f'({found.share:.1%}) have a partner' in str(found)
    assert 'kernel' in str(found) and 'thread' in str(found)


def test_another_detector_does_not_agree(files, tmp_path):
    """The comparison can fail."""
    checkpoint, path, images, _ = files
    cfg = config('FasterRCNN')
    other = save(cfg, tmp_path / 'b.pth', detector(cfg, seed=7))
    assert verify(other, path, [images]).share < verify(checkpoint, path, [images]).share


def test_ap_is_that_of_the_boxes(files, monkeypatch):
    """Ground truth itself as detections has an AP of 1."""
    from surge_mmdet.deploy.verify import average_precision, image_ids

    checkpoint, path, images, annotations = files
    ann = annotations / 'instances_train.json'
    content = json.loads(ann.read_text())
    paths = image_paths([images])[:2]
    numbers = image_ids(str(ann), paths)
    results = [
        boxes(
            *(
                (*row['bbox'][:2], row['bbox'][2], 0.9, row['category_id'] - 1)
                for row in content['annotations']
                if row['image_id'] == number
            )
        )
        for number in numbers
    ]
    assert average_precision(load_packed(path), results, numbers, str(ann)) == pytest.approx((1, 1))
    moved = [InstanceData(bboxes=r.bboxes + 30, scores=r.scores, labels=r.labels) for r in results]
    assert average_precision(load_packed(path), moved, numbers, str(ann))[0] < 0.2


def test_images_are_found_and_missing_ones_named(files, tmp_path):
    images = files[2]
    assert [p.name for p in image_paths([images])] == [f'VOC2007_{i}.jpg' for i in range(4)]
    one = images / 'VOC2007_2.jpg'
    assert image_paths([one, images])[0] == one
    (tmp_path / 'empty').mkdir()
    for path, why in (
        (tmp_path / 'empty', 'holds no image'),
        (tmp_path / 'none', 'does not exist'),
    ):
        with pytest.raises(FileNotFoundError, match=why):
            image_paths([path])


def test_images_without_ground_truth_are_refused(files, tmp_path):
    import cv2

    checkpoint, path, _, annotations = files
    cv2.imwrite(str(tmp_path / 'other.jpg'), photo_crop(0))
    with pytest.raises(ValueError, match='has no image other.jpg. Name the annotations of these'):
        verify(checkpoint, path, [tmp_path], ann=str(annotations / 'instances_train.json'))
    (tmp_path / 'other.jpg').write_text('no image')
    with pytest.raises(ValueError, match='other.jpg is no image'):
        verify(checkpoint, path, [tmp_path])


@pytest.mark.parametrize(
    'text', ['', '[1]', '{}', '{"images": 3}', '{"images": [], "annotations": 1}']
)
def test_what_is_no_ground_truth_is_refused(files, tmp_path, text):
    checkpoint, path, images, _ = files
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='a.json is no ground truth in COCO.*Write --ann FILE'):
        verify(checkpoint, path, [images], ann=str(tmp_path / 'a.json'))
    with pytest.raises(FileNotFoundError, match='none.json does not exist. Write --ann FILE'):
        verify(checkpoint, path, [images], ann=str(tmp_path / 'none.json'))


def test_no_image_at_all_is_said():
    with pytest.raises(FileNotFoundError, match='no image is named. Write --verify'):
        image_paths([])
