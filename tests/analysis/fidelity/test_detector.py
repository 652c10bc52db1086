"""The loss of one fixed batch, and which layers are looked at."""

import pytest
import torch
from conftest import ROOT, tiny_config

from surge_mmdet.analysis.fidelity import choose_layers, fixed_loss

LEAF = ROOT / 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
NARROW = {'model.backbone.base_channels': 8, 'model.neck.in_channels': [8, 16, 32, 64]}


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """(config, model, loss) of a narrow detector on tiny data."""
    config = str(tiny_config(LEAF, tmp_path_factory.mktemp('small')))
    return config, *fixed_loss(config, None, NARROW)


def test_the_loss_is_the_same_at_every_call_and_in_every_process(small):
    config, model, loss = small
    assert loss().equal(loss()) and model.training
    again, its_loss = fixed_loss(config, None, NARROW)
    assert its_loss().equal(loss()) and again is not model


def test_layers_are_spread_over_depth(small):
    names = list(choose_layers(*small[1:], [], 3))
    assert [name.split('.')[0] for name in names] == ['backbone', 'backbone', 'neck']
    stages = [name.split('.')[1] for name in names]
    assert stages[0] == 'layer1' and stages[1] > stages[0]
    assert len(choose_layers(*small[1:], [], 1000)) > 20


def test_layers_can_be_named(small):
    wanted = ['backbone.layer2.0.conv2', 'backbone.layer1.0.conv1']
    assert list(choose_layers(*small[1:], wanted, 1)) == wanted


@pytest.mark.parametrize(
    'word, text',
    [
        ('backbone.layer2.0.cnv2', 'runs 0 times.*Write --layers backbone.layer2.0.conv2.$'),
        ('rpn_head.rpn_conv', 'rpn_head.rpn_conv runs 5 times.*Write --layers '),
    ],
)
def test_a_layer_that_cannot_be_measured_is_answered_with_the_nearest(small, word, text):
    with pytest.raises(ValueError, match=text):
        choose_layers(*small[1:], ['backbone.layer1.0.conv1', word], 1)
    assert not small[1].get_submodule('backbone.layer1.0.conv1')._forward_pre_hooks


def test_a_checkpoint_without_auxiliary_weights_is_told(small, tmp_path, capsys):
    config, model, loss = small
    values = {k: v for k, v in model.state_dict().items() if 'aux_weight' not in k}
    torch.save(dict(state_dict=values), tmp_path / 'plain.pth')
    fixed_loss(config, str(tmp_path / 'plain.pth'), NARROW)
    assert 'plain.pth has no auxiliary weights' in capsys.readouterr().err


def test_a_detector_without_surge_is_refused():
    with pytest.raises(ValueError, match='choose a surge config'):
        choose_layers(torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1)), None, [], 1)
