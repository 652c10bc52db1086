import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.classification import (
    PackInputs,
    RandomResizedCrop,
    ResizeEdge,
)


def ramp(height, width):
    """An image whose pixel values are their coordinates."""
    ys, xs = np.mgrid[:height, :width]
    return np.stack([ys, xs, 0 * xs], 2).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 1000))
def test_box_is_inside_with_area_and_shape_in_range(height, width, seed):
    np.random.seed(seed)
    x, y, w, h = RandomResizedCrop(8, (0.3, 0.9)).random_box(height, width)
    assert 0 <= x <= x + w <= width and 0 <= y <= y + h <= height
    assert w > 0 and h > 0
    if min(height, width) >= 40 and max(height, width) <= 50:
        assert 0.28 < w * h / (height * width) < 0.92
        assert 0.7 < w / h < 1.4


def test_boxes_differ_and_reach_the_borders():
    np.random.seed(0)
    crop = RandomResizedCrop(8)
    boxes = {crop.random_box(40, 60) for _ in range(300)}
    assert len(boxes) > 250
    assert min(b[0] for b in boxes) == min(b[1] for b in boxes) == 0
    assert max(b[0] + b[2] for b in boxes) == 60
    assert max(b[1] + b[3] for b in boxes) == 40


@pytest.mark.parametrize(
    'size, box',
    [((10, 90), (38, 0, 13, 10)), ((90, 10), (0, 38, 10, 13)), ((30, 30), (0, 0, 30, 30))],
)
def test_no_fitting_shape_gives_the_middle(size, box):
    crop = RandomResizedCrop(8)
    crop.attempts = 0
    assert crop.random_box(*size) == box


def test_crop_shows_its_box(monkeypatch):
    crop = RandomResizedCrop(8)
    monkeypatch.setattr(crop, 'random_box', lambda h, w: (4, 2, 16, 8))
    out = crop.transform(dict(img=ramp(20, 30)))
    assert out['img_shape'] == (8, 8)
    expected = cv2.resize(ramp(20, 30)[2:10, 4:20], (8, 8))
    np.testing.assert_array_equal(out['img'], expected)


@pytest.mark.parametrize(
    'size, expected',
    [((20, 30), (8, 12)), ((30, 20), (12, 8)), ((8, 8), (8, 8)), ((7, 100), (8, 114))],
)
def test_shorter_side_gets_the_length(size, expected):
    out = ResizeEdge(8).transform(dict(img=ramp(*size)))
    assert out['img'].shape[:2] == out['img_shape'] == expected


def test_pack_gives_channels_first_and_the_label():
    image = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
    out = PackInputs().transform(dict(img=image[:, ::-1], gt_label=7, img_path='a.jpg', flip=True))
    assert out['inputs'].equal(torch.from_numpy(image[:, ::-1].copy()).permute(2, 0, 1))
    assert out['data_samples'].gt_label == 7
    assert out['data_samples'].img_path == 'a.jpg'
