"""What the first configs of the documents build, layer by layer."""

import re

import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

README = ROOT / 'README.md'
FIRST = ROOT / 'docs/get_started/first_config.md'


def code(page, number: int) -> str:
    """A Python block of a page, by its place."""
    return re.findall(r'```python\n(.*?)```', page.read_text(), re.S)[number]


def test_the_first_lines_binarize_mmdets_own_config(tmp_path):
    from mmdet.registry import MODELS
    from mmdet.testing import demo_mm_inputs

    init_default_scope('mmdet')
    child = tmp_path / 'child.py'
    child.write_text(code(README, 0))
    cfg = Config.fromfile(child)
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    data = model.data_preprocessor(demo_mm_inputs(2, [[3, 128, 128]] * 2, num_classes=80), True)
    losses = model(**data, mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    binary = {n: m for n, m in model.named_modules() if type(m).__name__ == 'BinaryConv2d'}
    assert len(binary) == 16 * 3 + 8 + 1
    for name, layer in binary.items():
        assert layer.aux_weight.grad is not None, name
        assert torch.isfinite(layer.aux_weight.grad).all(), name


def test_any_detector_is_binarized_by_its_type(tmp_path):
    from mmdet.models import RetinaNet
    from mmdet.registry import MODELS

    init_default_scope('mmdet')
    child = tmp_path / 'child.py'
    child.write_text(code(README, 1))
    model = MODELS.build(Config.fromfile(child).model)
    assert type(model) is RetinaNet
    binary = [n for n, m in model.named_modules() if type(m).__name__ == 'BinaryConv2d']
    assert len(binary) == 32


def test_policy_example_does_what_its_comments_say():
    from mmdet.registry import MODELS

    init_default_scope('mmdet')
    scope = {}
    exec(code(FIRST, 3), scope)
    cfg = Config.fromfile(ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge_4x3e_voc0712.py')
    cfg.merge_from_dict(dict(model=scope['model']))
    model = MODELS.build(cfg.model)
    kinds = {n: type(m).__name__ for n, m in model.named_modules()}
    assert kinds['backbone.layer4.0.conv1'] == 'Conv2d'
    assert kinds['backbone.layer3.0.downsample.1'] == 'BinaryConv2d'
    assert kinds['backbone.layer1.0.act1'] == 'RPReLU'
    assert kinds['backbone.layer1.0.conv1.activation'] == 'SignPolynomial'
    assert kinds['roi_head.bbox_head.shared_fcs.0'] == 'BinaryLinear'
    assert model.neck.lateral_convs[0].conv.kernel_size == (3, 3)


def test_first_config_repeats_the_readmes(tmp_path):
    assert code(README, 1) == code(FIRST, 1)
    assert code(FIRST, 0).startswith(code(README, 0))


def test_own_data_example_is_a_valid_child_config():
    folder = ROOT / 'configs/faster_rcnn'
    child = folder / 'test-readme-child.py'
    text = code(ROOT / 'docs/guides/own_data.md', 0)
    try:
        child.write_text(text)
        cfg = Config.fromfile(child)
    finally:
        child.unlink()
    assert cfg.model.roi_head.bbox_head.num_classes == 2
    for loader in ('train', 'val', 'test'):
        data = cfg[f'{loader}_dataloader'].dataset
        assert data.data_root == 'data/mine/VOCdevkit/'
        assert data.metainfo.classes == ('cat', 'dog')
