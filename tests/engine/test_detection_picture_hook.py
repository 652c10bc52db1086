"""The picture of a validation: what is in it, and what the log says."""

import logging
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import photo_crop
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.runner import EpochBasedTrainLoop
from mmengine.structures import InstanceData

from surge_mmdet.engine import DetectionPictureHook
from surge_mmdet.engine.hooks.detection_picture_hook import stack

BOX = [10.0, 10.0, 40.0, 40.0]


def sample(folder, number, scores):
    """One photograph with one object, and a detection for each score."""
    path = folder / f'{number}.png'
    cv2.imwrite(str(path), photo_crop(number))
    data = DetDataSample(metainfo=dict(img_path=str(path)))
    data.gt_instances = InstanceData(bboxes=torch.tensor([BOX]), labels=torch.tensor([0]))
    data.pred_instances = InstanceData(
        bboxes=torch.tensor([BOX] * len(scores)).reshape(-1, 4),
        labels=torch.zeros(len(scores), dtype=torch.long),
        scores=torch.tensor(scores),
    )
    return data


@pytest.fixture
def runner(tmp_path, caplog):
    """What the hook takes of a runner, after the third epoch."""
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dict(classes=('cat',), palette=[(255, 0, 0)])
    caplog.set_level(logging.INFO)
    return SimpleNamespace(
        work_dir=str(tmp_path / 'work'),
        visualizer=visualizer,
        logger=logging.getLogger('pictures'),
        train_loop=object.__new__(EpochBasedTrainLoop),
        epoch=3,
        iter=108,
    )


def validate(hook, runner, batches):
    hook.before_val_epoch(runner)
    for number, batch in enumerate(batches):
        hook.after_val_iter(runner, number, outputs=batch)
    hook.after_val_epoch(runner, {})


def test_picture_has_a_row_for_each_image_and_the_log_its_path(tmp_path, runner, caplog):
    scores = iter(([0.9, 0.2], [0.5], [], [0.8]))
    batches = [[sample(tmp_path, 2 * b + i, next(scores)) for i in range(2)] for b in range(2)]
    validate(DetectionPictureHook(images=3), runner, batches)
    path = tmp_path / 'work/detections/epoch_3.png'
    picture = cv2.imread(str(path))
    height, width = photo_crop(0).shape[:2]
    assert picture.shape == (3 * height, 2 * width, 3)
    assert f'Detections after epoch 3: {path} (2 with a score of 0.3 or more, ' in caplog.text
    assert 'the best 3 of each image, on 3 images with 3 objects' in caplog.text


def test_left_is_the_truth_and_right_what_passes_the_threshold(tmp_path, runner):
    hook = DetectionPictureHook(score_thr=0.6, at_least=0)
    validate(hook, runner, [[sample(tmp_path, 0, [0.5])]])
    picture = cv2.imread(str(tmp_path / 'work/detections/epoch_3.png'))
    photo, width = photo_crop(0), photo_crop(0).shape[1]
    np.testing.assert_array_equal(picture[:, width:], photo)  # nothing is drawn
    assert (picture[:, :width] != photo).any()


def test_early_the_most_certain_are_drawn_whatever_their_score(tmp_path):
    hook = DetectionPictureHook(at_least=2)
    found = sample(tmp_path, 0, [0.01, 0.05, 0.02]).pred_instances
    assert hook._chosen(found).scores.tolist() == pytest.approx([0.05, 0.02])
    many = sample(tmp_path, 0, [0.9, 0.1, 0.8, 0.4]).pred_instances
    assert hook._chosen(many).scores.tolist() == pytest.approx([0.9, 0.8, 0.4])
    assert len(hook._chosen(sample(tmp_path, 0, []).pred_instances)) == 0


def test_the_metric_keeps_all_detections(tmp_path, runner):
    data = sample(tmp_path, 0, [0.9, 0.01, 0.02, 0.03, 0.04])
    validate(DetectionPictureHook(), runner, [[data]])
    assert len(data.pred_instances) == 5


def test_each_validation_starts_anew(tmp_path, runner, caplog):
    hook = DetectionPictureHook()
    validate(hook, runner, [[sample(tmp_path, 0, [0.9])]])
    runner.epoch = 6
    validate(hook, runner, [[sample(tmp_path, 0, [])]])
    assert 'epoch_6.png (0 with a score of 0.3 or more' in caplog.text
    names = sorted(p.name for p in (tmp_path / 'work/detections').iterdir())
    assert names == ['epoch_3.png', 'epoch_6.png']


def test_a_training_by_iterations_names_the_iteration(tmp_path, runner):
    runner.train_loop = None
    validate(DetectionPictureHook(folder='looks'), runner, [[sample(tmp_path, 0, [0.9])]])
    assert (tmp_path / 'work/looks/iter_108.png').is_file()


def test_backends_of_the_visualizer_get_nothing(tmp_path, runner, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('the picture belongs into its own folder only')

    monkeypatch.setattr(runner.visualizer, 'add_image', refuse)
    validate(DetectionPictureHook(), runner, [[sample(tmp_path, 0, [0.9])]])


def test_narrow_pictures_get_a_white_margin():
    joined = stack([np.zeros((2, 3, 3), np.uint8), np.zeros((1, 5, 3), np.uint8)])
    assert joined.shape == (3, 5, 3)
    assert (joined[:2, 3:] == 255).all() and (joined[:, :3] == 0).all()


@pytest.mark.parametrize(
    'wrong', [dict(images=0), dict(score_thr=1.5), dict(score_thr=-0.1), dict(at_least=-1)]
)
def test_impossible_options_show_the_line(wrong):
    with pytest.raises(ValueError, match="type='surge_mmdet.DetectionPictureHook', images=4"):
        DetectionPictureHook(**wrong)
