"""A detector's benchmark from its config, with AP and profile."""

from collections import OrderedDict

import pytest
import torch
from analysis.inference_cost.test_layer_contest import need
from analysis.inference_cost.tiny import noise, tiny
from conftest import SIZE, write_voc
from deploy.packing import config, photo, save
from mmengine.registry import DefaultScope

from surge_mmdet.analysis.inference_cost.contest import Pace
from surge_mmdet.analysis.inference_cost.detectors import Setup, check_setup, measure_detector
from surge_mmdet.analysis.inference_cost.detectors.profile import (
    AROUND,
    kind_of,
    profile_table,
    shares,
)

ONLY = ('packed', 'simulated', 'torch float32', 'ONNX Runtime float32')
PACE = Pace(rounds=1, warmup=0, only=ONLY)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A config with its own tiny data, and a checkpoint."""
    root = tmp_path_factory.mktemp('trained')
    classes = ('RBC', 'WBC', 'Platelets')
    write_voc(root / 'VOCdevkit', classes)
    cfg = config('FasterRCNN')
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset = _own(cfg, name, root)
    path = root / 'tiny.py'
    cfg.dump(path)
    return str(path), str(save(cfg, root / 'epoch_1.pth'))


def _own(cfg, name, root):
    found = cfg[f'{name}_dataloader'].dataset
    while 'dataset' in found:
        found = found.dataset
    found.data_root = f'{root / "VOCdevkit"}/'
    for step in found.pipeline:
        if step.type == 'Resize':
            step.scale = SIZE
    return found


def test_a_trained_detector_has_times_ap_and_profile(trained):
    need('ONNX Runtime')
    path, checkpoint = trained
    setup = Setup(path, checkpoint, own_data=True, accuracy=2, profile=True)
    tables, found, about = measure_detector(setup, PACE)
    assert all(one.counts for one in found.values()), {k: v.why for k, v in found.items()}
    assert "the config's data" in about['images'] and about['weights'] == checkpoint
    rows = {row['contestant']: row for row in tables['times'].rows}
    for label in ('packed', 'simulated'):
        assert 0 <= rows[label]['AP'] <= 1
    assert rows['torch float32']['AP'] is None  # made of binary weights
    assert any(row['kind'] == 'binary convolutions' for row in tables['profile'].rows)


def test_a_trained_twin_has_ap_too(trained):
    path, checkpoint = trained
    setup = Setup(path, checkpoint, path, checkpoint, own_data=True, accuracy=2)
    tables, _, _ = measure_detector(setup, PACE._replace(only=('torch float32',)))
    ((row),) = tables['times'].rows
    assert 0 <= row['AP'] <= 1


def test_random_weights_and_one_image(trained, tmp_path, monkeypatch):
    import cv2

    # As in a new process, where nothing has said whose transforms are meant.
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())
    image = tmp_path / 'photo.jpg'
    cv2.imwrite(str(image), photo())
    setup = Setup(trained[0], image=str(image))
    tables, found, about = measure_detector(setup, PACE._replace(only=('packed',)))
    assert found['packed'].counts and about['weights'] == 'random'
    assert list(tables) == ['times'] and str(image) in about['images']


@pytest.mark.parametrize(
    'options, text',
    [
        (dict(twin_checkpoint='a.pth'), 'Write --twin-checkpoint FILE --twin CONFIG'),
        (dict(accuracy=0), 'Write --checkpoint FILE'),
        (dict(image='a.jpg', own_data=True), 'not both'),
    ],
)
def test_options_that_do_not_go_together(options, text):
    with pytest.raises(ValueError, match=text):
        check_setup(Setup('config.py', **options))


def test_shares_of_a_profile_add_up():
    model = tiny('RetinaNet').eval()
    batch = noise(model).timed

    def run():
        with torch.no_grad():
            model(**model.data_preprocessor(batch, False), mode='predict')

    found = shares(run, repeat=2)
    assert [s.seconds for s in found] == sorted((s.seconds for s in found), reverse=True)
    kinds = {share.kind for share in found}
    assert {'real convolutions', 'norms', AROUND} <= kinds
    rows = profile_table(found).rows
    assert sum(row['share'] for row in rows) == pytest.approx(1)


@pytest.mark.parametrize(
    'operator, kind',
    [
        ('surge_mmdet::binary_conv', 'binary convolutions'),
        ('aten::mkldnn_convolution', 'real convolutions'),
        ('RoIAlignFunction', 'RoIAlign'),
        ('NMSop', 'suppression'),
        ('aten::native_batch_norm', 'norms'),
        ('aten::add_', 'other operators'),
    ],
)
def test_operators_have_kinds(operator, kind):
    assert kind_of(operator) == kind
