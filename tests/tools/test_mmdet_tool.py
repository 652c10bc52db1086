"""Finding mmdet's tools by name, and what the documentation says of them."""

import importlib
import re
import runpy
import sys
from pathlib import Path

import pytest
from conftest import ROOT, tiny_config

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


@pytest.fixture
def check(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    return importlib.import_module('_mmdet_tool').check_command


def test_configs_in_other_languages_and_other_teachers_are_left_to_the_tool(check, tmp_path):
    (tmp_path / 'c.json').write_text('{}')
    check('train.py', [str(tmp_path / 'c.json'), '--amp'])
    model = dict(type='SingleTeacherDistill', teacher=dict(cfg_path='x.py'))
    (tmp_path / 'c.py').write_text(f'model = {model}\n')
    check('train.py', ['--amp', str(tmp_path / 'c.py'), '--resume', 'auto'])
    words = [str(tmp_path / 'c.py'), 's3://a.pth', '--work-dir', str(tmp_path / 'new'), '--tta']
    check('test.py', words)
    assert not (tmp_path / 'new').exists()


@pytest.fixture
def config(tmp_path):
    """A detector on data that are there."""
    path = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_ste_1x_coco.py'
    return str(tiny_config(path, tmp_path))


def test_an_optimizer_that_is_misspelt_is_shown(check, config):
    check('train.py', [config])
    with pytest.raises(ValueError, match="unknown 'SDG'.*Write optimizer=dict.type='SGD'"):
        check('train.py', [config, '--cfg-options', 'optim_wrapper.optimizer.type=SDG'])


@pytest.mark.parametrize(
    'tool, role', [('train.py', 'train'), ('train.py', 'val'), ('test.py', 'test')]
)
def test_data_that_are_not_there_are_told_before_the_log(check, config, tmp_path, tool, role):
    (tmp_path / 'a.pth').touch()
    words = [config, *([str(tmp_path / 'a.pth')] if tool == 'test.py' else [])]
    check(tool, words)
    lost = f'{role}_dataloader.dataset.data_root=/lost/'
    with pytest.raises(FileNotFoundError, match=r'/lost/.* does not exist .*Write .*data_root='):
        check(tool, [*words, '--cfg-options', lost])
    lost = f'{role}_dataloader.dataset.indices=0'
    with pytest.raises(ValueError, match=f'{role}: indices=0 leaves no image. Write indices=None'):
        check(tool, [*words, '--cfg-options', lost])


def test_heads_of_other_classes_are_told_unless_the_check_is_off(check, config):
    other = 'model.roi_head.bbox_head.num_classes=3'
    with pytest.raises(ValueError, match='Write --cfg-options model.roi_head.bbox_head.num_.*=80'):
        check('train.py', [config, '--cfg-options', other])
    check('train.py', [config, '--cfg-options', other, 'default_hooks.config_check=None'])


def test_a_checkpoint_that_is_not_there_is_answered_with_one_that_is(check, config, tmp_path):
    for name in ('epoch_2.pth', 'epoch_10.pth'):
        (tmp_path / name).touch()
    near, lost = re.escape(str(tmp_path / 'epoch_10.pth')), str(tmp_path / 'epoch_12.pth')
    with pytest.raises(FileNotFoundError, match=f'does not exist. Write {near}$'):
        check('test.py', [config, lost])
    with pytest.raises(FileNotFoundError, match=f'is a folder. Write {near}$'):
        check('test.py', [config, str(tmp_path), '--out', 'x.pkl'])
    with pytest.raises(FileNotFoundError, match=f'Write --resume {near}$'):
        check('train.py', [config, '--resume', lost])
    with pytest.raises(FileNotFoundError, match='Write --cfg-options load_from=work_dirs/RUN/'):
        check('train.py', [config, '--cfg-options', f'load_from={tmp_path}/none/a.pth'])
    check('train.py', [config, '--resume', '--cfg-options', f'load_from={lost}'])
    check('train.py', [config, '--resume', near.replace('\\', '')])


def test_an_empty_word_is_no_config(check):
    with pytest.raises(FileNotFoundError, match='is not a config file. Write configs/'):
        check('train.py', [''])
    check('train.py', [])


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
