import logging
from collections import defaultdict

import numpy as np
import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmdet.apis import inference_detector, init_detector
from mmdet.registry import MODELS
from mmengine.config import Config
from tiny_detectors import TINY, build, images, model_config, real_config
from torch import nn

from surge_mmdet.convert import layer_rows, policy_summary
from surge_mmdet.layers import BinaryLayer, BinaryLinear

SHORTCUTS = [f'backbone.layer{i}.0.downsample.0' for i in (1, 2, 3, 4)]
LEVELS = range(3)
# All that stays real in the shipped configs.
REAL = {
    'RetinaNet': ['backbone.conv1', *SHORTCUTS[1:], 'bbox_head.retina_cls', 'bbox_head.retina_reg'],
    'FCOS': [
        'backbone.conv1',
        *SHORTCUTS,
        'neck.fpn_convs.4.conv',
        'bbox_head.conv_cls',
        'bbox_head.conv_reg',
        'bbox_head.conv_centerness',
    ],
    'ATSS': [
        'backbone.conv1',
        *SHORTCUTS,
        'bbox_head.atss_cls',
        'bbox_head.atss_reg',
        'bbox_head.atss_centerness',
    ],
    'YOLOX': [
        'backbone.stem.conv.conv',
        *(
            f'bbox_head.multi_level_conv_{kind}.{i}'
            for kind in ('cls', 'reg', 'obj')
            for i in LEVELS
        ),
    ],
    'RTMDet': [
        'backbone.stem.0.conv',
        *(
            f'backbone.stage{i}.{1 + (i == 4)}.blocks.0.conv2.depthwise_conv.conv'
            for i in (1, 2, 3, 4)
        ),
        *(f'backbone.stage{i}.{1 + (i == 4)}.attention.fc' for i in (1, 2, 3, 4)),
        *(
            f'neck.{part}_blocks.{i}.blocks.0.conv2.depthwise_conv.conv'
            for part in ('top_down', 'bottom_up')
            for i in (0, 1)
        ),
        *(f'bbox_head.rtm_{kind}.{i}' for kind in ('cls', 'reg') for i in LEVELS),
    ],
    'MaskRCNN': [
        'backbone.conv1',
        *SHORTCUTS,
        'rpn_head.rpn_cls',
        'rpn_head.rpn_reg',
        *(
            f'roi_head.bbox_head.{layer}'
            for layer in ('fc_cls', 'fc_reg', 'shared_fcs.0', 'shared_fcs.1')
        ),
        'roi_head.mask_head.upsample',
        'roi_head.mask_head.conv_logits',
    ],
}
COUNTS = {
    'RetinaNet': (32, 38),
    'FCOS': (63, 72),
    'ATSS': (64, 72),
    'YOLOX': (73, 83),
    'RTMDet': (59, 78),
    'MaskRCNN': (61, 74),
}


def binary_layers(model) -> dict:
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, BinaryLayer)}


def one_sided_inputs(model, data) -> list:
    """Names of binary layers that never see a negative value."""
    lowest = defaultdict(lambda: float('inf'))

    def watch(name):
        def hook(layer, args):
            lowest[name] = min(lowest[name], args[0].detach().min().item())

        return hook

    handles = [
        layer.register_forward_pre_hook(watch(name)) for name, layer in binary_layers(model).items()
    ]
    losses = model(**data, mode='loss')
    for handle in handles:
        handle.remove()
    assert lowest.keys() == binary_layers(model).keys()
    return losses, [name for name, low in lowest.items() if low >= 0]


@pytest.fixture(scope='module', params=list(TINY))
def case(request):
    """Name, detector after one backward, loss and constant inputs."""
    torch.manual_seed(0)
    model = build(request.param)
    model.init_weights()
    losses, constant = one_sided_inputs(model, images(model))
    loss = model.parse_losses(losses)[0]
    loss.backward()
    return request.param, model, loss.detach(), constant


def test_what_is_binary_and_what_stays_real(case):
    name, model, *_ = case
    rows = layer_rows(model)
    real = [row.name for row in rows if row.activation_bits == 32]
    assert sorted(real) == sorted(REAL[name])
    binary, total = COUNTS[name]
    assert (len(rows) - len(real), len(rows)) == (binary, total)
    assert all(row.surge == 'eta=0.1' for row in rows if row.name not in real)
    assert all(row.reason for row in rows if row.name in real)
    assert f'{binary} of {total} layers binary' in policy_summary(model)


def test_it_is_mmdets_own_detector(case):
    name, model, *_ = case
    assert type(model) is MODELS.get(name)


def test_loss_and_all_gradients_are_finite(case):
    _, model, loss, _ = case
    assert torch.isfinite(loss) and loss > 0
    for name, parameter in model.named_parameters():
        # DDP stops at a parameter without a gradient.
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_surge_teaches_every_auxiliary_weight(case):
    _, model, *_ = case
    for name, layer in binary_layers(model).items():
        assert layer.aux_weight.grad.any(), name
        assert layer.ags.statistics[0] > 0, name


def test_no_binary_layer_sees_one_sign_only(case):
    *_, constant = case
    assert constant == []


def test_predicts(case):
    _, model, *_ = case
    model.eval()
    with torch.no_grad():
        results = model(**images(model, training=False), mode='predict')
    model.train()
    assert len(results) == 2
    assert results[0].pred_instances.bboxes.shape[-1] == 4


def test_real_state_dict_loads_strictly(case):
    name, *_ = case
    real = MODELS.build(real_config(name))
    model = build(name)
    model.load_state_dict(real.state_dict(), strict=True)
    values = dict(real.named_parameters())
    for layer, binary in binary_layers(model).items():
        assert torch.equal(binary.weight, values[f'{layer}.weight'])
        binary.start()
        assert torch.equal(binary.aux_weight, binary.weight)


def test_parameters_are_those_that_mmdet_built(monkeypatch):
    from surge_mmdet.models.detectors import binarized

    built = {}

    def remember(detector):
        built.update(detector.named_parameters())
        return real_layers(detector)

    real_layers = binarized.real_layers
    monkeypatch.setattr(binarized, 'real_layers', remember)
    after = dict(build('RTMDet').named_parameters())
    assert all(after[name] is parameter for name, parameter in built.items())
    assert {name.rpartition('.')[2] for name in after.keys() - built.keys()} == {'aux_weight'}


def test_layer_shared_between_levels_stays_shared():
    model = build('RTMDet')
    head = model.bbox_head
    for convs in (head.cls_convs, head.reg_convs):
        for i in range(head.stacked_convs):
            layers = {id(level[i].conv) for level in convs}
            assert len(layers) == 1
            assert isinstance(convs[0][i].conv, BinaryLayer)
    names = [row.name for row in layer_rows(model) if 'cls_convs' in row.name]
    assert names == ['bbox_head.cls_convs.0.0.conv', 'bbox_head.cls_convs.0.1.conv']


def test_without_other_activations_signs_are_constant():
    torch.manual_seed(0)
    model = build('RetinaNet', act_cfg=None)
    assert any(type(m) is nn.ReLU for m in model.modules())
    constant = one_sided_inputs(model, images(model))[1]
    assert {
        'backbone.layer1.0.conv1',
        'backbone.layer1.0.conv2',
        'neck.lateral_convs.0.conv',
        'bbox_head.cls_convs.1.conv',
    } <= set(constant)


def test_level_behind_f_relu_can_be_made_binary_but_is_constant():
    torch.manual_seed(0)
    name = 'neck.fpn_convs.4.conv'
    model = build('FCOS', policy=dict(binary=[name]))
    assert one_sided_inputs(model, images(model))[1] == [name]


def test_activations_keep_the_mode_and_are_reported():
    model = build('RetinaNet')
    assert type(model.backbone.relu) is nn.LeakyReLU
    block = model.backbone.layer1[0]
    assert (block.relu.negative_slope, block.relu.inplace) == (0.25, True)
    assert model.policy_activations['backbone.layer1.0.relu'] == ('ReLU -> LeakyReLU')
    assert '18 ReLU -> LeakyReLU' in policy_summary(model)
    assert not any(isinstance(m, nn.ReLU) for m in model.modules())


def test_learnable_activation_by_option():
    model = build('FCOS', act_cfg=dict(type='PReLU'))
    slopes = [m for m in model.modules() if isinstance(m, nn.PReLU)]
    assert len(slopes) == 25 and slopes[0].num_parameters == 1
    model.parse_losses(model(**images(model), mode='loss'))[0].backward()
    assert all(m.weight.grad is not None for m in slopes)


def test_activations_behind_the_last_binary_part_stay():
    model = build('RetinaNet', policy=dict(real={'bbox_head.*': 'small'}))
    assert type(model.bbox_head.cls_convs[0].activate) is nn.ReLU
    assert type(model.backbone.layer4[1].relu) is nn.LeakyReLU


def test_relu_as_replacement_is_refused():
    with pytest.raises(ValueError, match=r"Write act_cfg=dict\(type='PReLU'"):
        build('RetinaNet', act_cfg=dict(type='ReLU'))


def test_linear_layers_become_binary_by_policy():
    torch.manual_seed(0)
    model = build('MaskRCNN', policy=dict(linear=dict(surge=dict(eta=0.2))))
    head = model.roi_head.bbox_head
    assert all(type(fc) is BinaryLinear for fc in head.shared_fcs)
    assert type(head.fc_cls) is type(head.fc_reg) is nn.Linear
    losses, constant = one_sided_inputs(model, images(model))
    model.parse_losses(losses)[0].backward()
    assert constant == []
    assert head.shared_fcs[1].aux_weight.grad.any()
    assert head.shared_fcs[0].ags.eta == 0.2


def test_policy_of_the_detector_decides_by_full_names():
    model = build(
        'RetinaNet',
        policy=dict(
            layer=dict(surge=None),
            real={'backbone.layer4.*': 'small maps'},
            binary=['*downsample*'],
            overrides={'bbox_head.*': dict(surge=dict(eta=0.1))},
        ),
    )
    rows = {row.name: row for row in layer_rows(model)}
    assert rows['backbone.layer4.1.conv2'].reason == 'small maps'
    assert rows['backbone.layer2.0.downsample.0'].surge == 'off'
    assert rows['bbox_head.reg_convs.3.conv'].surge == 'eta=0.1'


def test_without_policy_it_is_the_real_detector():
    model = build('RetinaNet', policy=None)
    real = MODELS.build(real_config('RetinaNet'))
    assert [*map(type, model.modules())] == [*map(type, real.modules())]
    assert model.state_dict().keys() == real.state_dict().keys()


def test_mmdets_inference_reads_the_config(tmp_path):
    file = tmp_path / 'model.pth'
    cfg = Config.fromfile(ROOT / 'configs/binarized' / TINY['RTMDet'][0])
    cfg.model = model_config('RTMDet')
    torch.save(dict(state_dict=build('RTMDet').state_dict(), meta={}), file)
    model = init_detector(cfg, str(file), device='cpu')
    result = inference_detector(model, np.zeros((64, 64, 3), np.uint8))
    assert not model.training and binary_layers(model)
    assert result.pred_instances.scores.isfinite().all()


def test_binary_backbone_keeps_its_own_policy():
    model = build(
        'RetinaNet',
        backbone=dict(type='surge_mmdet.BinaryResNet', policy=dict(layer=dict(surge=None))),
    )
    rows = {row.name: row for row in layer_rows(model)}
    assert rows['backbone.layer1.0.conv1'].surge == 'off'
    assert rows['bbox_head.cls_convs.0.conv'].surge == 'eta=0.1'
    assert rows['backbone.layer2.0.downsample.1'].reason.startswith('shortcut')


def test_frozen_stages_stay_real_and_frozen_norms_warn(monkeypatch):
    log = []
    monkeypatch.setattr(
        'surge_mmdet.models.detectors.binarized.print_log',
        lambda text, logger, level=logging.INFO: log.append((level, text)),
    )
    model = build('RetinaNet', backbone=dict(frozen_stages=1, norm_eval=True))
    reasons = {r.name: r.reason for r in layer_rows(model)}
    assert reasons['backbone.layer1.0.conv1'].startswith('frozen')
    assert reasons['backbone.layer2.0.conv1'] == ''
    (_, summary), (level, warning) = log
    assert 'frozen: its signs would never learn' in summary
    assert level == logging.WARNING
    assert warning.startswith('20 norms such as backbone.bn1')
    assert 'Write model=dict(backbone=dict(norm_eval=False' in warning


def test_frozen_layer_made_binary_has_no_idle_parameter():
    model = build(
        'RetinaNet', backbone=dict(frozen_stages=1), policy=dict(binary=['backbone.layer1.*'])
    )
    layer = model.backbone.layer1[0].conv1
    assert isinstance(layer, BinaryLayer) and not layer.training
    assert not layer.weight.requires_grad
    assert not layer.aux_weight.requires_grad


def test_pretrained_backbone_becomes_the_latent_weights(tmp_path):
    real = MODELS.build(real_config('RetinaNet')).backbone
    real.init_weights()
    file = tmp_path / 'resnet18.pth'
    torch.save(real.state_dict(), file)
    model = build(
        'RetinaNet',
        backbone=dict(init_cfg=dict(_delete_=True, type='Pretrained', checkpoint=str(file))),
    )
    model.init_weights()
    layer, expected = (net.layer3[0].conv2 for net in (model.backbone, real))
    assert torch.equal(layer.weight, expected.weight)
    layer.start()
    assert torch.equal(layer.aux_weight, expected.weight)


@pytest.mark.parametrize(
    'change, error, line',
    [
        (dict(detector=None), TypeError, "detector='RetinaNet'"),
        (dict(detector=dict(type='RetinaNet')), TypeError, "detector='RetinaNet'"),
        (dict(detector='RetinNet'), ValueError, "detector='RetinaNet'"),
        (dict(detector='mmdet.MaskRCN'), ValueError, "detector='MaskRCNN'"),
        (dict(detector='ResNet'), ValueError, 'is no detector'),
        (
            dict(detector='surge_mmdet.BinarizedDetector'),
            ValueError,
            "is no detector that mmdet knows. .*detector='RetinaNet'",
        ),
        (
            dict(policy=dict(real={'backbone.layer5.*': 'why'})),
            ValueError,
            "such as 'backbone.layer",
        ),
        (dict(policy=dict(binary=['roi_head.*'])), ValueError, 'matches no'),
        (dict(policy=dict(type='BinryPolicy')), ValueError, r"policy=dict\(type='BinaryPolicy'\)"),
    ],
)
def test_wrong_options_show_the_corrected_line(change, error, line):
    cfg = model_config('RetinaNet')
    cfg.update(change)
    with pytest.raises(error, match=line):
        MODELS.build(cfg)


def test_detector_missing_from_the_config():
    cfg = model_config('RetinaNet')
    del cfg['detector']
    with pytest.raises(TypeError, match=r"Write model=dict\(type='surge_mmde"):
        MODELS.build(cfg)


def small_training(path, folder):
    """Tiny data and channels, 2 iterations, as a config file."""
    file = tiny_config(path, folder)
    cfg = Config.fromfile(file)
    cfg.merge_from_dict(dict(model=TINY['RetinaNet'][1]))
    cfg.dump(file)
    return file


def test_trains_and_tests_with_mmdets_tools(tmp_path, monkeypatch):
    config = small_training(ROOT / 'configs/binarized/retinanet_r18_fpn_surge_1x_coco.py', tmp_path)
    work = tmp_path / 'work'
    run_mmdet_tool(monkeypatch, 'train.py', config, '--work-dir', work)
    log = next(work.glob('*/*.log')).read_text()
    assert '32 of 38 layers binary' in log
    assert 'Epoch(train) [1][2/2]' in log
    assert 'their sign is +1' not in log
    checkpoint = work / 'epoch_1.pth'
    run_mmdet_tool(monkeypatch, 'test.py', config, checkpoint, '--work-dir', work / 'test')
    assert list((work / 'test').glob('*/*.json'))


def test_unmodified_config_is_switched_on_the_command_line(tmp_path, monkeypatch):
    source = tmp_path / 'retinanet_r18.py'
    source.write_text(
        "_base_ = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'\n"
        'model = dict(backbone=dict(init_cfg=None))\n'
        "default_hooks = dict(ags=dict(type='IterTimerHook'))\n"
    )
    config = small_training(source, tmp_path)
    work = tmp_path / 'work'
    run_mmdet_tool(
        monkeypatch,
        'train.py',
        config,
        '--work-dir',
        work,
        '--cfg-options',
        'model.type=surge_mmdet.BinarizedDetector',
        'model.detector=RetinaNet',
    )
    log = next(work.glob('*/*.log')).read_text()
    assert 'RetinaNet, binarized:\n28 of 38 layers binary' in log
    state = torch.load(work / 'epoch_1.pth', weights_only=False)['state_dict']
    assert sum(name.endswith('aux_weight') for name in state) == 28


@pytest.mark.parametrize(
    'own, reason',
    [
        (dict(policy=dict(real={'layer4.*': 'small maps'})), 'small maps'),
        (dict(policy=None), 'policy=None'),
    ],
)
def test_what_a_binary_backbone_keeps_real_stays_real(own, reason):
    model = build(
        'RetinaNet', backbone=dict(type='surge_mmdet.BinaryResNet', deep_stem=True, **own)
    )
    rows = {row.name: row for row in layer_rows(model)}
    row = rows['backbone.layer4.1.conv2']
    assert (row.activation_bits, row.reason) == (32, reason)
    stem = [row for name, row in rows.items() if '.stem.' in name]
    assert [row.activation_bits for row in stem] == [32, 32, 32]
    assert rows['neck.lateral_convs.0.conv'].activation_bits == 1
    first = rows['backbone.layer1.0.conv1']
    assert first.activation_bits == (32 if own['policy'] is None else 1)


@pytest.mark.parametrize('name, stage', [('YOLOX', 'stage1'), ('RTMDet', 'stage1')])
def test_backbone_that_freezes_in_train_only(name, stage):
    model = build(name, backbone=dict(frozen_stages=1))
    rows = [row for row in layer_rows(model) if row.name.startswith(f'backbone.{stage}.')]
    assert rows and {row.activation_bits for row in rows} == {32}
    assert 'frozen' in rows[0].reason
    assert isinstance(model.backbone.stage2[0].conv, BinaryLayer)
