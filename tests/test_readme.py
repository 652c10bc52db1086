"""What the README promises in code."""
import re

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

README = (ROOT / 'README.md').read_text()


def code_after(title: str) -> str:
    """The first Python block below a heading."""
    section = README.split(f'## {title}')[1]
    return re.search(r'```python\n(.*?)```', section, re.S).group(1)


def test_three_lines_binarise_mmdets_own_config(tmp_path):
    from mmdet.registry import MODELS
    from mmdet.testing import demo_mm_inputs
    init_default_scope('mmdet')
    child = tmp_path / 'child.py'
    child.write_text(code_after('Binarise a detector: three lines'))
    cfg = Config.fromfile(child)
    cfg.model.data_preprocessor.batch_augments = None
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    data = model.data_preprocessor(
        demo_mm_inputs(2, [[3, 128, 128]] * 2, num_classes=80), True)
    losses = model(**data, mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    binary = {n: m for n, m in model.named_modules()
              if type(m).__name__ == 'BinaryConv2d'}
    assert len(binary) == 16 + 8 + 1
    for name, layer in binary.items():
        assert layer.aux_weight.grad is not None, name
        assert torch.isfinite(layer.aux_weight.grad).all(), name


def test_own_data_example_is_a_valid_child_config(tmp_path):
    folder = ROOT / 'configs/faster_rcnn'
    child = folder / 'test-readme-child.py'
    text = code_after('Train on your own data')
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


@pytest.mark.parametrize('path', sorted(
    set(re.findall(r'`((?:configs|tools|surge_mmdet)/[\w/.]+)`', README))))
def test_named_paths_exist(path):
    assert (ROOT / path).exists()


def test_test_command_is_what_ci_runs():
    assert './tools/run_tests.sh' in README
    assert './tools/run_tests.sh' in (ROOT / '.ci/run').read_text()


DOCUMENTS = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')),
             *sorted((ROOT / 'configs').rglob('*.md'))]


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda p: p.name)
def test_relative_links_resolve_and_nothing_is_left_to_fill_in(document):
    text = document.read_text()
    assert '@@' not in text
    for link in re.findall(r'\]\(([^)#]+)\)', text):
        if not link.startswith('http'):
            assert (document.parent / link).exists(), link
