"""From a checkpoint to a packed file: what is kept, what is refused."""

import copy

import pytest
import torch
from deploy.packing import class_count, config, detector, save
from deploy.toy_binarizers import TOYS
from mmengine.config import Config

from surge_mmdet.deploy import load_packed
from surge_mmdet.deploy.checkpoint import open_checkpoint
from surge_mmdet.deploy.fold import pack_layers
from surge_mmdet.deploy.format import read
from surge_mmdet.deploy.load import packed_structure
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.deploy.publish import before_signs, publish
from surge_mmdet.layers import TRAINING_ONLY, BinaryLayer
from surge_mmdet.registry import BINARIZERS

BINARY_BOX_HEAD = 'surge_mmdet.BinaryShared2FCBBoxHead'
REAL_WEIGHT = dict(weight_rule=dict(type='RealWeight'))


@pytest.fixture(autouse=True)
def toys():
    """The toy binarizers in the registry, and out again."""
    for kind in TOYS:
        BINARIZERS.register_module(module=kind)
    yield
    for kind in TOYS:
        del BINARIZERS.module_dict[kind.__name__]


def with_layer(**layer):
    """The tiny RetinaNet, these options in every binary layer of it."""
    return config('RetinaNet', policy=dict(type='BinaryPolicy', layer=layer))


@pytest.fixture
def faster(tmp_path):
    """A tiny Faster R-CNN's checkpoint."""
    return save(config('FasterRCNN'), tmp_path / 'a.pth')


def test_the_file_holds_what_inference_needs(faster, tmp_path):
    report = publish(faster, tmp_path / 'a.safetensors')
    content = read(tmp_path / 'a.safetensors')
    assert content.dataset_meta['classes'] == ('class 0', 'class 1', 'class 2')
    assert content.real == 'float16'
    assert not any(
        'aux_weight' in n or '.ags.' in n or n.endswith('tracked') for n in content.tensors
    )
    assert 'backbone.layer1.0.norm1.weight' not in content.tensors, 'folded'
    bits = content.tensors['backbone.layer1.0.conv1.bits']
    assert bits.dtype == torch.int32 and bits.shape == (8, 3, 3, 1)
    assert content.tensors['roi_head.bbox_head.shared_fcs.0.weight'].dtype == torch.float16
    assert content.tensors['backbone.conv1.weight'].dtype == torch.float32, 'signs follow'
    assert content.tensors['backbone.conv1.bias'].dtype == torch.float32
    assert report.kept == {} and report.path == tmp_path / 'a.safetensors'


def test_bits_are_in_the_documented_order(faster, tmp_path):
    """[output][kernel row][kernel column][word], the lowest bit the first channel, 1 for >= 0."""
    publish(faster, tmp_path / 'a.safetensors')
    bits = read(tmp_path / 'a.safetensors').tensors['backbone.layer2.0.conv2.bits']
    weight = open_checkpoint(faster).backbone.layer2[0].conv2.weight
    assert bits.shape == (16, 3, 3, 1)
    for o, row, column, channel in ((0, 0, 0, 0), (3, 1, 2, 7), (15, 2, 2, 15)):
        bit = bits[o, row, column, channel // 32].item() >> channel % 32 & 1
        assert bit == int(weight[o, channel, row, column] >= 0)


def test_sizes_are_those_of_the_files(faster, tmp_path):
    report = publish(faster, tmp_path / 'a.safetensors')
    assert report.sizes['checkpoint'] == faster.stat().st_size
    assert report.sizes['packed'] == (tmp_path / 'a.safetensors').stat().st_size
    model = detector(config('FasterRCNN'))
    numbers = sum(
        t.numel()
        for n, t in model.state_dict().items()
        if 'aux_weight' not in n and '.ags.' not in n and 'tracked' not in n
    )
    assert report.sizes['float twin'] == 4 * numbers
    text = str(report)
    assert f'{report.sizes["float twin"] / report.sizes["packed"]:.1f} times' in text
    assert '1 stays real: backbone.conv1 (stem: reads the image)' in text


@pytest.mark.parametrize('real, most', [('float32', 1.0), ('float16', 0.55), ('int8', 0.35)])
def test_real_weights_take_their_bytes(tmp_path, real, most):
    checkpoint = save(config('FasterRCNN'), tmp_path / 'a.pth')
    publish(checkpoint, tmp_path / 'a.safetensors', real=real)
    weight = read(tmp_path / 'a.safetensors').tensors['roi_head.bbox_head.shared_fcs.0.weight']
    assert weight.numel() * weight.element_size() <= most * 4 * 16 * 7 * 7 * 32


def test_weights_in_front_of_signs_are_named():
    model = detector(config('FasterRCNN'))
    packed_structure(model)
    found = before_signs(model)
    assert {'backbone.conv1.weight', 'backbone.layer4.0.downsample.1.weight'} <= found
    heads = {'rpn_head.rpn_cls.weight', 'roi_head.bbox_head.shared_fcs.0.weight'}
    assert not heads & found


def test_so_are_those_of_an_rpn_in_front_of_a_packed_box_head():
    cfg = config('FasterRCNN', roi_head=dict(bbox_head=dict(type=BINARY_BOX_HEAD)))
    model = detector(cfg)
    packed_structure(model)
    found = before_signs(model)
    assert {'rpn_head.rpn_cls.weight', 'rpn_head.rpn_reg.weight'} <= found
    predictions = {f'roi_head.bbox_head.{name}.weight' for name in ('fc_cls', 'fc_reg')}
    assert not predictions & found, 'registered first, run last'


def test_the_config_may_come_from_a_file(tmp_path):
    cfg = config('RetinaNet')
    cfg.dump(tmp_path / 'config.py')
    checkpoint = save(cfg, tmp_path / 'a.pth', meta=dict(cfg=None))
    with pytest.raises(ValueError, match='carries no config.*--config CONFIG'):
        publish(checkpoint, tmp_path / 'a.safetensors')
    publish(checkpoint, tmp_path / 'a.safetensors', str(tmp_path / 'config.py'))
    assert type(load_packed(tmp_path / 'a.safetensors')).__name__ == 'RetinaNet'


def test_bare_weights_take_the_classes_of_the_config(tmp_path):
    cfg = config('RetinaNet')
    cfg.dump(tmp_path / 'config.py')
    torch.save(detector(cfg).state_dict(), tmp_path / 'a.pth')
    publish(tmp_path / 'a.pth', tmp_path / 'a.safetensors', str(tmp_path / 'config.py'))
    assert load_packed(tmp_path / 'a.safetensors').dataset_meta['classes'][:2] == (
        'person',
        'bicycle',
    )


def refused(checkpoint, tmp_path, why, **options):
    with pytest.raises(ValueError, match=why):
        publish(checkpoint, tmp_path / 'a.safetensors', **options)
    assert not list(tmp_path.glob('*.safetensors*')) and not list(tmp_path.glob('.*'))


def test_a_real_detector_is_refused(tmp_path):
    cfg = config('RetinaNet')
    cfg.model.policy = None
    refused(save(cfg, tmp_path / 'a.pth'), tmp_path, 'no layer with 1-bit weights. Name the config')


def test_weights_of_the_float_twin_are_refused(tmp_path):
    twin = dict(methods={}, optimizers={})
    checkpoint = save(config('RetinaNet'), tmp_path / 'a.pth', meta=dict(surge_mmdet=twin))
    refused(checkpoint, tmp_path, 'no layers were trained as binary ones, and .* leave --config')


def test_the_first_step_of_pretraining_is_refused(tmp_path):
    cfg = with_layer(**REAL_WEIGHT)
    refused(save(cfg, tmp_path / 'a.pth'), tmp_path, 'RealWeight keeps its weights real')


def test_a_checkpoint_of_another_config_is_refused(tmp_path, faster):
    config('RetinaNet').dump(tmp_path / 'retina.py')
    refused(
        faster,
        tmp_path,
        'does not fit the config: .* left over: .*Name the config it was trained with',
        config=str(tmp_path / 'retina.py'),
    )


def test_an_empty_variable_of_the_config_is_told_as_such(monkeypatch, tmp_path, faster):
    (tmp_path / 'x.py').write_text("root = '{{$SURGE_TEST_ROOT:}}'\n")
    monkeypatch.setenv('SURGE_TEST_ROOT', '')
    told = '^SURGE_TEST_ROOT is set, but empty. Write export'
    refused(faster, tmp_path, told, config=str(tmp_path / 'x.py'))


def test_missing_classes_are_refused(tmp_path):
    cfg = config('FasterRCNN')
    cfg.test_dataloader.dataset.type = 'CocoDataset'
    cfg.test_dataloader.dataset.metainfo = dict(classes=())
    checkpoint = save(cfg, tmp_path / 'a.pth', meta=dict(dataset_meta={}))
    refused(checkpoint, tmp_path, r'says the classes. Write test_dataloader=.*classes=\(')


@pytest.mark.parametrize('dataset', [dict(type='NoDataset'), dict(type='CocoDataset', anns=1)])
def test_a_data_set_that_cannot_be_built_is_refused(tmp_path, dataset):
    cfg = config('FasterRCNN')
    cfg.test_dataloader.dataset = dataset
    why = 'test_dataloader.dataset of the config cannot be built.*custom_imports'
    refused(save(cfg, tmp_path / 'a.pth'), tmp_path, why)


def test_a_config_without_test_data_is_refused(tmp_path):
    cfg = config('FasterRCNN')
    cfg.test_dataloader = None
    refused(
        save(cfg, tmp_path / 'a.pth'), tmp_path, 'has no test_dataloader. Name the whole config'
    )


def test_other_classes_than_those_of_the_head_are_refused(tmp_path):
    cfg = config('FasterRCNN')
    meta = dict(dataset_meta=dict(classes=('cat', 'dog')))
    checkpoint = save(cfg, tmp_path / 'a.pth', meta=meta)
    refused(checkpoint, tmp_path, 'num_classes is 3, but there are 2 classes')


def test_a_diverged_training_is_refused(tmp_path):
    cfg = config('FasterRCNN')
    model = detector(cfg)
    model.rpn_head.rpn_cls.bias.data[0] = float('nan')
    checkpoint = save(cfg, tmp_path / 'a.pth', model)
    refused(checkpoint, tmp_path, 'rpn_head.rpn_cls.bias holds NaN or infinity')


@pytest.mark.parametrize(
    'write',
    [
        lambda path: path.write_text('hello'),
        lambda path: path.write_bytes(b''),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save(dict(state_dict=3), path),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, write):
    write(tmp_path / 'a.pth')
    refused(tmp_path / 'a.pth', tmp_path, 'is no checkpoint of a training')


def test_a_packed_file_is_not_packed_again(faster, tmp_path):
    publish(faster, tmp_path / 'a.safetensors')
    with pytest.raises(ValueError, match='is packed already. Name the checkpoint'):
        publish(tmp_path / 'a.safetensors', tmp_path / 'b.safetensors')


def test_options_are_checked_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match='Write --real float16'):
        publish('none.pth', tmp_path / 'a.safetensors', real='float61')
    with pytest.raises(ValueError, match=r'Write .*a\.safetensors'):
        publish('none.pth', tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / 'none.pth', tmp_path / 'a.safetensors')


def test_a_model_that_cannot_be_built_is_refused(tmp_path):
    cfg = config('FasterRCNN')
    text = cfg.pretty_text + '\nmodel["backbone"]["deph"] = 18\n'
    checkpoint = save(cfg, tmp_path / 'a.pth', meta=dict(cfg=text))
    refused(checkpoint, tmp_path, 'cannot be built.*deph')


@pytest.mark.parametrize(
    'layer',
    [
        dict(activation=dict(type='Threshold'), surge=None),
        dict(weight_rule=dict(type='WholeMean')),
        dict(weight_rule=dict(type='ToldScale')),
        dict(activation=dict(type='Threshold'), weight_rule=dict(type='WholeMean')),
        dict(weight_rule=dict(type='RBNN')),
        dict(weight_rule=dict(type='SLB')),
    ],
    ids=str,
)
def test_thresholds_and_other_scales_are_packed(tmp_path, layer):
    cfg = with_layer(**layer)
    checkpoint = save(cfg, tmp_path / 'a.pth')
    report = publish(checkpoint, tmp_path / 'a.safetensors', real='float32')
    assert report.kept == {}
    simulated = open_checkpoint(checkpoint)
    packed = copy.deepcopy(simulated)
    pack_layers(packed)
    layers, stored = dict(packed.named_modules()), read(tmp_path / 'a.safetensors').tensors
    found = 0
    for name, ours in simulated.named_modules():
        if isinstance(ours, BinaryLayer):
            x = torch.randn(1, ours.in_channels, 7, 6)
            with torch.no_grad():
                assert torch.allclose(ours(x), layers[name](x), rtol=1e-4, atol=1e-4)
            for part in ('bits', 'threshold') if 'activation' in layer else ('bits',):
                assert stored[f'{name}.{part}'].equal(getattr(layers[name], part))
            found += 1
    assert found == 32
    loaded = load_packed(tmp_path / 'a.safetensors')
    assert not any(isinstance(m, BinaryLayer) for m in loaded.modules())


@pytest.mark.parametrize(
    'layer, why',
    [
        (dict(activation=dict(type='PerFactor')), 'a factor per channel'),
        (dict(activation=dict(type='Untold')), 'Untold has its own forward'),
        (dict(activation=dict(type='Wrong')), 'Wrong does not give the signs'),
        (dict(weight_rule=dict(type='InputMean')), 'scale'),
        (dict(weight_rule=dict(type='LearnedScale')), 'LearnedScale has its own forward'),
        (dict(weight_rule=dict(type='WrongScale')), 'WrongScale does not give its signs'),
        (REAL_WEIGHT, 'RealWeight keeps its weights real'),
        (dict(weight_rule=dict(type='AdaBinWeight')), 'AdaBinWeight has the levels b - a and b'),
        (
            dict(activation=dict(type='AdaBin'), weight_rule=dict(type='OvSW')),
            'AdaBin has the levels b - a and b + a',
        ),
        (dict(activation=dict(type='Ternary')), 'Ternary has 2 bits'),
    ],
    ids=str,
)
@pytest.mark.parametrize('real', ['float16', 'int8'])
def test_what_cannot_be_packed_is_kept_with_a_report(tmp_path, layer, why, real):
    policy = dict(type='BinaryPolicy', overrides={'backbone.layer1.0.*': layer})
    cfg = config('RetinaNet', policy=policy)
    checkpoint = save(cfg, tmp_path / 'a.pth')
    report = publish(checkpoint, tmp_path / 'a.safetensors', real=real)
    names = {'backbone.layer1.0.conv1', 'backbone.layer1.0.conv2'}
    assert set(report.kept) == names
    assert all(why in reason for reason in report.kept.values())
    assert 'NOT PACKED backbone.layer1.0.conv1' in str(report)
    packed = load_packed(tmp_path / 'a.safetensors')
    layers = dict(packed.named_modules())
    assert all(isinstance(layers[name], BinaryLayer) for name in names)
    assert all(layers[name].ags is None and layers[name].aux_weight is None for name in names)
    assert sum(isinstance(m, PackedLayer) for m in packed.modules()) > 10
    stored = read(tmp_path / 'a.safetensors').tensors
    assert not any(name.endswith(TRAINING_ONLY) for name in stored)
    x = torch.randn(1, 8, 9, 9)
    simulated = open_checkpoint(checkpoint).backbone.layer1[0].conv1
    with torch.no_grad():
        want, got = simulated(x), layers['backbone.layer1.0.conv1'](x)
    exact = 'RealWeight' not in why
    assert torch.allclose(want, got, rtol=1e-5, atol=1e-5 if exact else 0.05)


def test_counts_of_classes_are_read_from_the_config():
    assert class_count(config('FasterRCNN')) == 3
    assert isinstance(config('RetinaNet'), Config) and class_count(config('RetinaNet')) == 80
