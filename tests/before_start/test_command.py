"""What is refused before mmdet's tools start, and what is left to them."""

import re
from pathlib import Path

import mmdet
import pytest
from conftest import ROOT, tiny_config
from mmengine.config import Config
from mmengine.registry import DefaultScope

from surge_mmdet.before_start import check_command, command

CONFIG = 'configs/faster_rcnn/faster-rcnn_r18_fpn_ste_1x_coco.py'
MIM = Path(mmdet.__file__).parent / '.mim'


@pytest.fixture
def config(tmp_path):
    """A detector on data that are there."""
    return str(tiny_config(ROOT / CONFIG, tmp_path))


@pytest.fixture
def mmdets_config(config):
    """The same with data sets of mmdet's own kind."""
    cfg = Config.fromfile(config)
    for role in ('train', 'val', 'test'):
        cfg[f'{role}_dataloader'].dataset.type = 'CocoDataset'
    cfg.dump(config)
    return config


def changed(path: str, change) -> str:
    """The config at ``path``, after ``change`` of it."""
    cfg = Config.fromfile(path)
    change(cfg)
    cfg.dump(path)
    return path


def words_of(tool: str, config: str, *options: str) -> list:
    return [config, *(['s3://a.pth'] if tool == 'test.py' else []), *options]


def test_options_are_those_of_mmdets_tools():
    for tool in command.VALUES:
        text = (MIM / 'tools' / tool).read_text()
        theirs = set(re.findall(r"'(--[a-z_-]+)'", text))
        ours = {name for each in command.parser_of(tool)._actions for name in each.option_strings}
        assert ours == theirs


def test_configs_in_other_languages_and_other_teachers_are_left_to_the_tool(tmp_path):
    (tmp_path / 'c.json').write_text('{}')
    check_command('train.py', [str(tmp_path / 'c.json'), '--amp'])
    model = dict(type='SingleTeacherDistill', teacher=dict(cfg_path='x.py'))
    (tmp_path / 'c.py').write_text(f'model = {model}\n')
    check_command('train.py', ['--amp', str(tmp_path / 'c.py'), '--resume', 'auto'])


def test_nothing_is_written(config, tmp_path):
    options = ('--work-dir', str(tmp_path / 'new'), '--tta', '--out', 'x.pkl')
    check_command('test.py', words_of('test.py', config, *options))
    assert not (tmp_path / 'new').exists()


def test_an_optimizer_that_is_misspelt_is_shown(config):
    check_command('train.py', [config])
    with pytest.raises(ValueError, match="unknown 'SDG'.*Write optimizer=dict.type='SGD'"):
        check_command('train.py', [config, '--cfg-options', 'optim_wrapper.optimizer.type=SDG'])


def test_an_empty_word_is_no_config():
    with pytest.raises(FileNotFoundError, match='is not a config file. Write configs/'):
        check_command('train.py', [''])
    check_command('train.py', [])


@pytest.mark.parametrize('kind', ['surge_mmdet.CocoDataset', 'CocoDataset', 'wrapped'])
@pytest.mark.parametrize(
    'tool, role', [('train.py', 'train'), ('train.py', 'val'), ('test.py', 'test')]
)
def test_data_that_are_not_there_are_told_with_the_line_that_mends_them(config, kind, tool, role):
    right = {}

    def lose(cfg):
        loader = cfg[f'{role}_dataloader']
        right['root'] = loader.dataset.data_root
        loader.dataset.data_root = '/lost/'
        if kind == 'wrapped':
            loader.dataset = dict(type='ConcatDataset', datasets=[loader.dataset])
        else:
            loader.dataset.type = kind

    words = words_of(tool, changed(config, lose))
    with pytest.raises(FileNotFoundError, match=r'^/lost/.* does not exist .data_root=') as told:
        check_command(tool, words)
    advised = re.findall(r'(\w+_dataloader\S+)=<folder>/', str(told.value))
    options = [f'{each}={right["root"]}' for each in advised]
    assert len(options) == 1
    check_command(tool, [*words, '--cfg-options', *options])


@pytest.mark.parametrize('role', ['train', 'val'])
def test_no_image_at_all_is_told(config, role):
    option = f'{role}_dataloader.dataset.indices'
    line = f'^{option}=0 leaves no image. Write {option}=None'
    with pytest.raises(ValueError, match=line):
        check_command('train.py', [config, '--cfg-options', f'{option}=0'])
    check_command('train.py', [config, '--cfg-options', f'{option}=1'])


def test_a_part_without_images_is_left_to_the_run(config):
    def split(cfg):
        one = cfg.train_dataloader.dataset
        parts = [one, dict(one, indices=0)]
        cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)

    check_command('train.py', [changed(config, split)])


def test_the_evaluators_file_is_looked_for_under_its_place(config):
    def lose(cfg):
        cfg.val_evaluator = [cfg.val_evaluator, dict(type='CocoMetric', ann_file='/lost.json')]

    changed(config, lose)
    with pytest.raises(FileNotFoundError, match=r'Write --cfg-options val_evaluator\.1\.ann_file='):
        check_command('train.py', [config])


def test_files_on_other_backends_and_other_kinds_are_left_to_the_tool(mmdets_config):
    def lose(cfg):
        backend = dict(backend='petrel', path_mapping={'/lost/': 's3://there/'})
        cfg.train_dataloader.dataset.update(data_root='/lost/', backend_args=backend)
        cfg.val_dataloader.dataset.data_root = 's3://there/'
        cfg.val_evaluator.update(ann_file='s3://there/a.json')
        cfg.test_dataloader.dataset.update(type='elsewhere.Folders', data_root='/lost/')
        cfg.test_evaluator = dict(type='elsewhere.Metric', ann_file=['/lost.json'])

    changed(mmdets_config, lose)
    check_command('train.py', [mmdets_config])
    check_command('test.py', words_of('test.py', mmdets_config))


def test_loaders_of_several_loops_are_left_to_the_tool(config):
    def several(cfg):
        cfg.test_dataloader = [cfg.test_dataloader]

    check_command('test.py', words_of('test.py', changed(config, several)))


def test_a_misspelt_option_of_the_data_is_no_missing_file(config):
    def misspell(cfg):
        cfg.train_dataloader.dataset.data_rot = 'x'

    with pytest.raises(TypeError, match='data_rot'):
        check_command('train.py', [changed(config, misspell)])


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_heads_of_other_classes_are_told_unless_the_check_is_off(config, tool):
    words = words_of(tool, config, '--cfg-options', 'model.roi_head.bbox_head.num_classes=3')
    with pytest.raises(ValueError, match='Write --cfg-options model.roi_head.bbox_head.num_.*=80'):
        check_command(tool, words)
    check_command(tool, [*words, 'default_hooks.config_check=None'])


def test_classes_that_are_a_string_are_left_to_what_explains_them(config):
    def text(cfg):
        cfg.train_dataloader.dataset.metainfo = dict(classes='cat')

    check_command('train.py', [changed(config, text)])


def test_a_checkpoint_that_is_not_there_is_answered_with_one_that_is(config, tmp_path, monkeypatch):
    for name in ('epoch_2.pth', 'epoch_10.pth'):
        (tmp_path / name).touch()
    there, lost = str(tmp_path / 'epoch_10.pth'), str(tmp_path / 'epoch_12.pth')
    near = re.escape(there)
    with pytest.raises(FileNotFoundError, match=f'does not exist. Write {near}$'):
        check_command('test.py', [config, lost])
    with pytest.raises(FileNotFoundError, match=f'is a folder. Write {near}$'):
        check_command('test.py', [config, str(tmp_path), '--out', 'x.pkl'])
    with pytest.raises(FileNotFoundError, match=f'Write --resume {near}$'):
        check_command('train.py', [config, '--resume', lost])
    with pytest.raises(FileNotFoundError, match='An empty word does not exist. Write --resume '):
        check_command('train.py', [config, '--resume', ''])
    with pytest.raises(FileNotFoundError, match='Write --cfg-options load_from=work_dirs/RUN/'):
        check_command('train.py', [config, '--cfg-options', f'load_from={tmp_path}/none/a.pth'])
    check_command('train.py', [config, '--resume', '--cfg-options', f'load_from={lost}'])
    check_command('train.py', [config, '--resume', there])
    monkeypatch.setenv('HOME', str(tmp_path))
    check_command('train.py', [config, '--resume=~/epoch_10.pth'])
    deepspeed = ('--cfg-options', 'runner_type=FlexibleRunner')
    check_command('train.py', [config, '--resume', str(tmp_path), *deepspeed])


def test_the_second_step_of_a_pretraining_names_the_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    step = 'configs/pretrain/binary-resnet18_surge-step{}_1xb16-6e_coco-crops.py'
    line = 'Train it first: python tools/train.py ' + re.escape(step.format(1))
    with pytest.raises(FileNotFoundError, match=line):
        check_command('train.py', [step.format(2)])


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_options_may_be_abbreviated_as_in_mmdets_tools(config, tool):
    words = words_of(tool, config, '--cfg', 'model.roi_head.bbox_head.num_classes=3')
    with pytest.raises(ValueError, match='num_classes is 3'):
        check_command(tool, words)


def test_no_scope_is_left_behind_and_none_may_be_given(config):
    before = getattr(DefaultScope.get_current_instance(), 'scope_name', None)

    def no_scope(cfg):
        cfg.default_scope = None

    check_command('train.py', [config])
    check_command('train.py', [changed(config, no_scope)])
    assert getattr(DefaultScope.get_current_instance(), 'scope_name', None) == before


def shipped() -> list:
    """One config of each folder that mmdet ships."""
    files = sorted((MIM / 'configs').rglob('*.py'))
    return sorted({each.parent: each for each in files if '_base_' not in each.parts}.values())


@pytest.mark.parametrize('path', shipped(), ids=lambda path: path.parent.name)
def test_mmdets_configs_are_refused_for_missing_files_only(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for tool in command.VALUES:
        try:
            Config.fromfile(path)
        except Exception:
            pytest.skip('mmdet itself cannot read it: a package of its own choice is missing')
        try:
            check_command(tool, words_of(tool, str(path)))
        except FileNotFoundError as told:
            assert re.search(r'does not exist .*Write .*=|of \w+_evaluator', str(told)), told
