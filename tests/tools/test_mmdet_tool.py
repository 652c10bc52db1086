"""Finding mmdet's tools by name, and what the documentation says of them."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from conftest import ROOT

DOCUMENT = (ROOT / 'docs/guides/mmdet_tools.md').read_text()
# Commands stand behind the script's name, or at the start of a table's row.
COMMANDS = r'(?:mmdet_tool\.py |^\| `)([a-z_]+)'


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    return runpy.run_path(str(ROOT / 'tools/mmdet_tool.py'))


@pytest.mark.parametrize(
    'name, tool',
    [
        ('benchmark', 'analysis_tools/benchmark.py'),
        ('analysis_tools/benchmark.py', 'analysis_tools/benchmark.py'),
        ('browse_dataset', 'analysis_tools/browse_dataset.py'),
        ('mot/browse_dataset', 'analysis_tools/mot/browse_dataset.py'),
        ('test', 'test.py'),
    ],
)
def test_tool_is_found(script, name, tool):
    assert script['find_tool'](name) == tool


def test_unknown_tool_is_refused_with_the_list(script):
    with pytest.raises(SystemExit) as error:
        script['find_tool']('benchmrk')
    assert "no tool 'benchmrk'" in str(error.value)
    assert 'analysis_tools/benchmark' in str(error.value)


@pytest.mark.parametrize('arguments', [[], ['--help']])
def test_without_a_name_all_tools_are_listed(monkeypatch, script, capsys, arguments):
    monkeypatch.setattr(sys, 'argv', ['mmdet_tool.py', *arguments])
    script['main']()
    assert 'analysis_tools/confusion_matrix' in capsys.readouterr().out


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_an_override_that_is_nearly_a_key_is_refused_before_anything_starts(run_tool, tool):
    config = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste-pkd_12e_demo-digits.py'
    with pytest.raises(SystemExit, match=r'Write model\.distillation\.0\.weight='):
        run_tool(tool, config, 'a.pth', '--cfg-options', 'model.distilation.0.weight=3')


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_a_config_that_is_not_there_is_answered_with_the_nearest(run_tool, monkeypatch, tool):
    monkeypatch.chdir(ROOT)
    line = 'Write configs/faster_rcnn/faster-rcnn_r18_fpn128_ste_12e_bccd.py'
    for name in (
        'configs/faster_rcnn/faster-rcnn_r18_fpn128_st_12e_bccd.py',
        'fpn128_ste_12e_bccd',
    ):
        with pytest.raises(SystemExit, match=line):
            run_tool(tool, name)


@pytest.mark.parametrize('options', [('--work-dir', 'README.md'), ('--cfg-options', 'train_cfg')])
def test_what_the_tool_would_stumble_over_is_refused(run_tool, monkeypatch, options):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as refused:
        run_tool('train.py', 'configs/faster_rcnn/faster-rcnn_r18_fpn_ste_1x_coco.py', *options)
    assert refused.value.code == 2


def test_a_missing_teacher_is_told_before_the_training_begins(run_tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste-pkd_12e_demo-digits.py'
    with pytest.raises(SystemExit, match='Train it first: python tools/train.py .*fp32_12e_demo'):
        run_tool('train.py', config)
    other = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_fp32_1x_coco.py'
    with pytest.raises(SystemExit, match='_fp32_1x_coco.py knows 80 classes, the student 10'):
        run_tool('train.py', config, '--cfg-options', f'model.teacher.config={other}')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('options', [(), ('--cfg-options', 'train_cfg.max_epochs=1')])
def test_an_empty_variable_is_refused_with_the_line(monkeypatch, run_tool, options):
    monkeypatch.setenv('BCCD_ROOT', '')
    config = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste_12e_bccd.py'
    with pytest.raises(SystemExit, match='BCCD_ROOT is set, but empty. Write export BCCD_ROOT='):
        run_tool('train.py', config, *options)


def test_document_names_existing_tools_only(script):
    names = set(re.findall(COMMANDS, DOCUMENT, re.M))
    assert {'benchmark', 'publish_model', 'print_config'} <= names
    for name in names:
        assert Path(script['find_tool'](name)).stem == name
