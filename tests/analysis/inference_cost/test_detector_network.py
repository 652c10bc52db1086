"""A detector apart: network, and what mmdet does around it."""

import copy

import pytest
import torch
from analysis.inference_cost.tiny import HEIGHT, WIDTH, noise, tiny
from deploy.packing import KINDS

from surge_mmdet.analysis.inference_cost.detectors.network import (
    Detector,
    OtherSize,
    Shape,
    Trunk,
    box_head,
    dense_head,
    of_one_size,
)

TWO_STAGE = ('FasterRCNN', 'MaskRCNN')


def predicted(model, batch):
    with torch.no_grad():
        data = model.data_preprocessor(copy.deepcopy(batch), False)
        return model(**data, mode='predict')[0].pred_instances


def apart(model, batch) -> Detector:
    x = model.data_preprocessor(copy.deepcopy(batch), False)['inputs']
    boxes = box_head(model)
    shape, trunk = Shape.of(model, x), Trunk(model)
    return Detector(model, shape, trunk, None if boxes is None else copy.copy(boxes))


@pytest.mark.parametrize('kind', KINDS)
def test_a_detector_apart_finds_what_the_whole_one_finds(kind):
    model = tiny(kind)
    images = noise(model)
    detector = apart(copy.deepcopy(model), images.timed)
    for batch in images.calibration:
        want = predicted(model, batch)
        found = detector.predict(copy.deepcopy(batch))[0].pred_instances
        assert len(want) > 0
        for key in ('bboxes', 'scores', 'labels'):
            torch.testing.assert_close(found[key], want[key], rtol=0, atol=0)


@pytest.mark.parametrize('kind', ['FasterRCNN', 'RetinaNet'])
def test_its_time_has_three_parts(kind):
    model = tiny(kind)
    images = noise(model)
    detector = apart(model, images.timed)
    ticks = iter(range(10**6))
    detector.now = detector.trunk.now = lambda: float(next(ticks))
    if detector.boxes:
        detector.boxes.now = detector.now
    detector.predict(images.timed)
    (parts,) = detector.parts
    # A network looks at the clock twice; around it there are three looks.
    networks = 2 if kind == 'FasterRCNN' else 1
    assert parts == dict(before=1.0, network=networks, rest=1.0 + networks)


def test_only_one_box_head_is_part_of_the_network():
    assert box_head(tiny('RetinaNet')) is None
    assert box_head(tiny('MaskRCNN')) is not None


def test_what_has_no_dense_head_is_refused():
    with pytest.raises(ValueError, match='Name the config of a one-stage detector'):
        dense_head(torch.nn.Linear(1, 1))


def test_a_runtime_of_one_size_refuses_another():
    run = of_one_size(lambda x: (x,), (1, 3, HEIGHT, WIDTH))
    assert run(torch.ones(1, 3, HEIGHT, WIDTH))[0].shape == (1, 3, HEIGHT, WIDTH)
    with pytest.raises(OtherSize, match='an image is 32x96, built for 64x96'):
        run(torch.ones(1, 3, 32, WIDTH))
