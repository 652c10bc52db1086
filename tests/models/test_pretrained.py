import pytest
import torch
from mmdet.models import ResNet
from torch import nn

from surge_mmdet.engine.layer_access import compensated_layers
from surge_mmdet.models import BinaryResNet, compare, load_pretrained


def narrow(cls, depth=18, **kwargs):
    return cls(depth, base_channels=8, **kwargs)


def save(tmp_path, state_dict):
    path = str(tmp_path / 'weights.pth')
    torch.save(state_dict, path)
    return path


@pytest.fixture
def real():
    """A real-valued ResNet-18 with statistics of its own."""
    torch.manual_seed(11)
    net = narrow(ResNet)
    net.init_weights()
    net(torch.randn(2, 3, 64, 64))
    return net


def pretrained(path, **init):
    net = narrow(BinaryResNet, init_cfg=dict(type='Pretrained', checkpoint=path, **init))
    net.init_weights()
    return net


def assert_arrived(net, real):
    renamed = net.real_names(real.state_dict())
    own = net.state_dict()
    assert renamed.keys() <= own.keys()
    for name, value in renamed.items():
        assert torch.equal(own[name], value), name
    assert net.layer4[0].downsample[1].weight.equal(real.layer4[0].downsample[0].weight)


def test_real_valued_weights_arrive_also_in_the_shortcuts(tmp_path, real):
    assert_arrived(pretrained(save(tmp_path, real.state_dict())), real)


def test_checkpoint_with_meta_and_module_prefix(tmp_path, real):
    weights = {f'module.{k}': v for k, v in real.state_dict().items()}
    path = save(tmp_path, dict(state_dict=weights, meta=dict(epoch=1)))
    assert_arrived(pretrained(path), real)


@pytest.mark.parametrize('prefix', ['backbone.', 'backbone'])
def test_prefix_takes_the_backbone_of_a_detector(tmp_path, real, prefix):
    weights = {f'backbone.{k}': v for k, v in real.state_dict().items()}
    weights['backbone_2.conv1.weight'] = torch.zeros(1)
    path = save(tmp_path, dict(state_dict=weights))
    assert_arrived(pretrained(path, prefix=prefix), real)


def test_report_names_matched_missing_and_left_over(tmp_path, real):
    weights = {**real.state_dict(), 'fc.weight': torch.zeros(2, 8)}
    del weights['bn1.bias']
    net = narrow(BinaryResNet)
    report = load_pretrained(net, save(tmp_path, weights))
    assert report.left_over == ['fc.weight']
    assert 'layer2.0.downsample.1.weight' in report.matched
    slopes = [n for n, _ in net.named_parameters() if n.split('.')[-2] in ('relu', 'act1', 'act2')]
    assert report.missing == ['bn1.bias', *slopes] and len(slopes) == 17
    assert not report.other_shape
    assert '1 left over: fc.weight' in str(report)
    assert '18 missing: bn1.bias, relu.weight' in str(report)


@pytest.mark.parametrize('depth', [34, 50])
def test_checkpoint_of_another_depth_is_refused(tmp_path, depth):
    path = save(tmp_path, narrow(ResNet, depth).state_dict())
    with pytest.raises(
        ValueError, match=f'write depth={depth}, or choose a checkpoint of ResNet-18'
    ):
        pretrained(path)


def test_shallower_checkpoint_is_refused_too(tmp_path, real):
    net = BinaryResNet(34, base_channels=8)
    with pytest.raises(ValueError, match='write depth=18, or'):
        load_pretrained(net, save(tmp_path, real.state_dict()))


def test_other_width_is_refused_with_both_shapes(tmp_path, real):
    path = save(tmp_path, real.state_dict())
    with pytest.raises(ValueError) as error:
        load_pretrained(BinaryResNet(18), path)
    assert ('conv1.weight (8, 3, 7, 7) in the checkpoint, (64, 3, 7, 7) in the model') in str(
        error.value
    )


@pytest.mark.parametrize('prefix', [None, 'neck.'])
def test_nothing_matching_is_refused_with_the_prefix_line(tmp_path, real, prefix):
    weights = {f'backbone.{k}': v for k, v in real.state_dict().items()}
    with pytest.raises(ValueError, match="prefix='backbone.'"):
        load_pretrained(narrow(BinaryResNet), save(tmp_path, weights), prefix)


def test_refused_checkpoint_leaves_the_model_alone(tmp_path):
    net = narrow(BinaryResNet)
    before = net.conv1.weight.clone()
    path = save(tmp_path, narrow(ResNet, 50).state_dict())
    with pytest.raises(ValueError):
        load_pretrained(net, path)
    assert net.conv1.weight.equal(before)


def test_aux_weight_follows_the_loaded_weight_when_training_starts(tmp_path, real):
    net = pretrained(save(tmp_path, real.state_dict()))
    conv = net.layer1[0].conv1
    assert not conv.aux_weight.equal(conv.weight)
    conv.train()(torch.randn(1, 8, 4, 4))
    assert conv.aux_weight.equal(conv.weight)
    for layer in compensated_layers(net).values():
        layer.start()
        assert layer.aux_weight.equal(layer.weight)


def test_binary_checkpoint_keeps_its_own_aux_weight(tmp_path):
    first = narrow(BinaryResNet)
    nn.init.normal_(first.layer1[0].conv1.aux_weight)
    net = pretrained(save(tmp_path, first.state_dict()))
    net(torch.randn(2, 3, 32, 32))
    assert net.layer1[0].conv1.aux_weight.equal(first.layer1[0].conv1.aux_weight)


def test_without_pooled_shortcuts_names_stay(real):
    net = narrow(BinaryResNet, avg_down=False)
    weights = real.state_dict()
    assert net.real_names(weights) is weights
    assert not compare(net, weights).left_over


def test_training_only_tensors_are_never_missing():
    net = narrow(BinaryResNet)
    plain = narrow(BinaryResNet, policy=dict(layer=dict(surge=None)))
    assert not compare(net, plain.state_dict()).missing


def test_a_list_of_initialisations_may_hold_the_checkpoint(tmp_path, real):
    path = save(tmp_path, real.state_dict())
    net = narrow(
        BinaryResNet,
        init_cfg=[
            dict(type='Constant', val=7.0, layer='BatchNorm2d'),
            dict(type='Pretrained', checkpoint=path),
        ],
    )
    net.init_weights()
    assert net.layer3[0].conv1.weight.equal(real.layer3[0].conv1.weight)
    assert net.bn1.weight.equal(real.bn1.weight)


def test_a_checkpoint_without_last_stage_is_known_by_the_others(tmp_path):
    weights = {
        k: v for k, v in narrow(ResNet, 34).state_dict().items() if not k.startswith('layer4.')
    }
    with pytest.raises(ValueError, match='write depth=34, or'):
        pretrained(save(tmp_path, weights))
