"""What --costs measures of three methods on a tiny detector."""

from dataclasses import replace

import pytest
from analysis.study.synthetic_study import synthetic_plan, write_synthetic_study
from conftest import ROOT, tiny_config

from surge_mmdet.analysis.inference_cost.contest import Pace
from surge_mmdet.analysis.study.report import write_report
from surge_mmdet.analysis.study.report.costs import measure_costs
from surge_mmdet.analysis.study.report.costs_file import read_costs
from surge_mmdet.methods import METHODS

CONFIG = ROOT / 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
NAMES = ('fp32', 'ste', 'surge', 'tbn')


@pytest.fixture(scope='module')
def plan(tmp_path_factory):
    config = tiny_config(CONFIG, tmp_path_factory.mktemp('data'))
    labels = {METHODS[name].label: METHODS[name].policy() for name in NAMES}
    taught = synthetic_plan()
    return replace(
        taught,
        config=str(config),
        modules=('backbone', 'neck', 'rpn_head'),
        methods=labels | {'STE + PKD': METHODS['ste'].policy()},
    )


@pytest.fixture(scope='module')
def measured(plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp('study')
    found = measure_costs(plan, folder, pace=Pace(rounds=3, warmup=1))
    assert read_costs(folder)['methods'] == found['methods']
    return folder, found['methods']


def test_every_method_is_measured(plan, measured):
    _, found = measured
    assert list(found) == list(plan.methods)
    for row in found.values():
        assert row['seconds per image'] > 0 and row['rounds'] == 3 and row['bytes'] > 0
        assert len(row['ratio']) == 3 and all(value > 0 for value in row['ratio'])
    assert found['STE']['ratio'] == [1, 1, 1]


def test_binary_methods_are_packed_and_small(measured):
    _, found = measured
    real, binary = found['FP32'], found['STE']
    assert binary['form'] == 'packed' and real['form'].startswith('PyTorch, float32')
    assert binary['bytes'] < binary['megabytes'] * 1e6 < real['bytes'] == real['megabytes'] * 1e6
    assert binary['ops'] == binary['flops'] + binary['bops'] / 64 and real['bops'] == 0
    assert binary['flops'] + binary['bops'] == real['flops']


def test_surge_and_a_teacher_cost_nothing_when_used(measured):
    """The packed file is that of the student; sizes differ by the text of the config."""
    _, found = measured
    for label in ('SURGE', 'STE + PKD'):
        assert found[label]['ops'] == found['STE']['ops']
        assert abs(found[label]['bytes'] - found['STE']['bytes']) < 500


def test_what_cannot_be_packed_says_why(measured):
    _, found = measured
    form = found['TBN (2-bit input)']['form']
    assert form.startswith('PyTorch, cannot be packed: Ternary has 2 bits')


def test_the_report_shows_them(plan, measured):
    folder, found = measured
    write_synthetic_study(folder, plan)
    write_report(plan, folder, command='made up by a test')
    text = (folder / 'report.html').read_text()
    assert f'{found["STE"]["bytes"] / 1e6:.2f}' in text
    assert 'cannot be packed' in text and 'AP against ms per image' in text
