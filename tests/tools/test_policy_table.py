from functools import partial

import pytest
from conftest import ROOT

SWITCH = ('--cfg-options', 'model.type=surge_mmdet.BinarizedDetector', 'model.detector=RetinaNet')


@pytest.fixture
def run(run_tool, monkeypatch):
    """Output of the tool for these arguments, in the checkout."""
    monkeypatch.chdir(ROOT)
    return partial(run_tool, 'analysis_tools/policy_table.py')


def test_page_shows_what_the_tool_prints_today(run):
    page = (ROOT / 'docs/guides/binarize_any_detector.md').read_text()
    table = (ROOT / 'configs/binarized/README.md').read_text()
    configs = sorted((ROOT / 'configs/binarized').glob('*_surge_*.py'))
    printed = run(*(c.relative_to(ROOT) for c in configs), '--summary')
    assert printed.count(' layers binary, ') == len(configs) == 6
    for block in printed.strip().split('\n\n'):
        block = block[block.index('configs/') :]
        assert block in page
        counts = block.splitlines()[1].split(' layers binary, ')
        assert f'| {counts[0]} |' in table
        assert f'| {counts[1].removesuffix(" weights in 1 bit")} |' in table


def test_any_config_of_mmdet_by_options(run):
    text = run('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py', *SWITCH)
    assert 'bbox_head.cls_convs.0.conv' in text and 'BinaryConv2d' in text
    assert '28 of 38 layers binary' in text  # the first stage is frozen


def test_config_of_another_scope(run):
    text = run(
        'configs/pretrain/binary-resnet18_surge_8xb64-128e_in1k.py',
        'configs/binarized/retinanet_r18_fpn_surge_1x_coco.py',
        '--summary',
    )
    assert text.count(' layers binary, ') == 2
    assert 'stem: reads the image' in text


@pytest.mark.parametrize(
    'arguments, text',
    [
        (
            ['configs/ssd/ssd300_vgg16_surge_24x10e_voc.py'],
            'is not a config file. Write configs/ssd/ssd300_vgg16_surge_24x10e_voc0',
        ),
        (['mmdet::ssd/ssd200.py'], 'does not exist. Write mmdet::'),
        (
            [
                'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py',
                *SWITCH,
                'model.policy.real.layer9=why',
            ],
            'Write a pattern that matches',
        ),
        (
            ['mmdet::retinanet/retinanet_r18_fpn_1x_coco.py', *SWITCH, 'model.policy=none'],
            r'Write policy=dict\(',
        ),
    ],
)
def test_bad_input_ends_with_the_corrected_line(run, arguments, text):
    with pytest.raises(SystemExit, match=text):
        run(*arguments)
