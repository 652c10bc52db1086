"""tools/analysis_tools/get_ops.py, and its agreement with get_flops.py."""

import csv
import json
import re
from functools import partial

import pytest
from conftest import ROOT, run_mmdet_tool, tiny_config

from surge_mmdet.analysis.tables import read_record

BCCD = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
FP32 = BCCD.with_name(BCCD.name.replace('surge', 'fp32'))
SSD = ROOT / 'configs/ssd/ssd300_vgg16_surge_24x10e_voc0712.py'
FEW = 'model.test_cfg.rpn.max_per_img=10'


@pytest.fixture
def get_ops(run_tool):
    return partial(run_tool, 'analysis_tools/get_ops.py')


def test_total_is_the_one_that_mmdets_get_flops_prints(get_ops, tmp_path, monkeypatch, capsys):
    from mmengine.analysis import print_helper

    config = tiny_config(FP32, tmp_path)
    # mmdet's tool is unchanged, but prints all digits instead of three.
    monkeypatch.setattr(print_helper, '_format_size', str)
    run_mmdet_tool(
        monkeypatch, 'analysis_tools/get_flops.py', config, '--num-images', 1, '--cfg-options', FEW
    )
    printed = capsys.readouterr().out
    flops = int(re.search(r'Flops: (\d+)', printed)[1])
    parameters = int(re.search(r'Params: (\d+)', printed)[1])
    assert 'Input shape: (64, 96)' in printed
    ours = get_ops(config, '--cfg-options', FEW)
    assert 'one image, 64x96, 10 proposals' in ours
    assert f'= {flops:,}, {parameters:,} parameters' in ours


def test_one_config_gives_layers_and_totals(get_ops, tmp_path):
    text = get_ops(BCCD, '--shape', 50, 70, '--cfg-options', FEW, '--out', tmp_path / 'a/ops')
    assert 'one image, 50x70 padded to 64x96, 10 proposals' in text
    assert re.search(r'rpn_head.rpn_conv +BinaryConv2d +1 +5 ', text)
    (report,) = json.loads((tmp_path / 'a/ops.json').read_text())
    *rows, total = csv.DictReader((tmp_path / 'a/ops.csv').open())
    assert [r['layer'] for r in rows] == [r['layer'] for r in report['layers']]
    for field in (
        'flops',
        'bops',
        'ops',
        'other',
        'binary_parameters',
        'real_parameters',
        'scales',
        'buffers',
        'megabytes',
        'fp32_flops',
        'fp32_megabytes',
    ):
        column = sum(float(row[field]) for row in rows)
        assert column == pytest.approx(report[field], rel=1e-12), field
        assert float(total[field]) == report[field]
    assert report['ops'] == report['flops'] + report['bops'] / 64
    assert report['fp32_flops'] == report['flops'] + report['bops']
    bits = report['binary_parameters'] + 32 * (
        report['real_parameters'] + report['scales'] + report['buffers']
    )
    assert report['megabytes'] == bits / 8e6
    assert report['proposals'] == 10


def test_several_configs_give_a_table_each_at_its_own_size(get_ops, tmp_path):
    out, record = tmp_path / 'all.csv', tmp_path / 'record.json'
    text = get_ops(BCCD, SSD, '--out', out, '--record', record)
    head, line, first, second, written = text.splitlines()
    assert head.count('|') == line.count('|') == first.count('|')
    assert first.startswith(f'| {BCCD.stem} | 240x320 padded to 256x320, ')
    assert second.startswith(f'| {SSD.stem} | 300x300 |')
    assert str(out) in written and not out.with_suffix('.json').exists()
    rows = list(csv.DictReader(out.open()))
    assert [row['config'] for row in rows] == [str(BCCD), str(SSD)]
    assert rows[1]['proposals'] == ''
    assert read_record(record)['detectors'].markdown() == '\n'.join([head, line, first, second])
    ratio = int(rows[1]['fp32_flops']) / float(rows[1]['ops'])
    assert second.endswith(f'| {ratio:.2f} |')


@pytest.mark.parametrize(
    'arguments, text',
    [
        (
            ['configs/ssd/ssd300_vgg16_surge_24x10e_voc.py'],
            'Write configs/ssd/ssd300_vgg16_surge_24x10e_voc07',
        ),
        (['mmdet::ssd/ssd200.py'], 'does not exist. Write mmdet::'),
        (['README.md'], 'README.md is not a config file. Write'),
        ([SSD, '--shape', 0, 300], 'got 0 300. Write --shape 600 1000'),
        ([SSD, '--shape', 40, 40], 'fails on an input of 40 x 40'),
        ([SSD, '--cfg-options', 'model.backbone.depth=15'], 'cannot be built'),
        (
            [SSD, '--cfg-options', 'test_dataloader.dataset.pipeline=[]'],
            'Write get_ops.py .* --shape 600 1000',
        ),
        ([SSD, '--cfg-options', 'test_dataloader=None'], 'Write get_ops.py .* --shape 600 1000'),
        (
            ['configs/pretrain/binary-resnet18_surge_8xb64-128e_in1k.py'],
            'ImageClassifier is no detector.*Write .*get_ops.py configs/',
        ),
        (
            ['configs/pretrain/binary-resnet18_surge_8xb64-128e_in1k.py', '--shape', 64, 64],
            'ImageClassifier is no detector',
        ),
    ],
)
def test_bad_input_ends_with_the_corrected_line(get_ops, monkeypatch, arguments, text):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match=text):
        get_ops(*arguments)


def test_config_of_mmdet(get_ops):
    name = 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'
    text = get_ops(name, '--shape', 40, 64)
    assert f'{name}: one image, 40x64 padded to 64x64\n' in text
    assert '21,410,100 parameters' in text
