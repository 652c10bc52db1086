"""Overrides of a config: a key that is nearly one of the config's is a slip."""

import ast
import re
import shlex
from argparse import ArgumentParser

import pytest
from mmengine.config import Config

from surge_mmdet.cfg_options import CfgOptions
from surge_mmdet.overrides import merge_options, read_config, require_variable


@pytest.fixture
def cfg():
    return Config(
        dict(
            train_cfg=dict(max_epochs=12, val_interval=1),
            train_pipeline=[dict(type='Resize', keep_ratio=True)],
            test_pipeline=[],
            model=dict(backbone=dict(depth=18), bbox_head=dict(fc_out_channels=256)),
            optim_wrapper=dict(
                clip_grad=dict(max_norm=10),
                paramwise_cfg=dict(custom_keys={'backbone.fc': dict(lr_mult=0.1)}),
            ),
        )
    )


@pytest.mark.parametrize(
    'options, right',
    [
        ({'train_cfg.max_epoch': 2}, 'train_cfg.max_epochs='),
        ({'trian_cfg.max_epochs': 2}, 'train_cfg.max_epochs='),
        ({'train_cfg': dict(maxepochs=2)}, 'train_cfg.max_epochs='),
        ({'train_pipeline.0.keep_ration': False}, 'train_pipeline.0.keep_ratio='),
        ({'train_cfg.val_interval': 2, 'modle.backbone.depth': 34}, 'model.backbone.depth='),
    ],
)
def test_a_slip_is_shown_with_the_right_key_and_nothing_is_merged(cfg, options, right):
    before = cfg.to_dict()
    with pytest.raises(ValueError, match=f'--cfg-options .*Write {right}'):
        merge_options(cfg, options)
    assert cfg.to_dict() == before


@pytest.mark.parametrize(
    'options',
    [
        {'optim_wrapper.clip_aux_grad': dict(max_norm=1)},
        {'model.bbox_head.conv_out_channels': 8},
        {'tta_pipeline': []},
        {'optim_wrapper.clip_grad.max_norm': 'dynamic'},
        {'model.backbone.depth': 'b0'},
        {'optim_wrapper.paramwise_cfg.custom_keys': {'backbone.fc': dict(lr_mult=1.0)}},
        {'optim_wrapper.paramwise_cfg': dict(custom_keys={'backbone.fc2': dict(lr_mult=1.0)})},
        {'train_cfg': dict(_delete_=True, max_epoch=2)},
        {'train_pipeline.0': dict(type='RandomChoiceResize', keep_ratios=True)},
    ],
)
def test_neighbours_free_names_and_other_types_are_no_slips(cfg, options):
    merge_options(cfg, options)


def test_keys_may_be_new(cfg):
    options = {
        'model.backbone.init_cfg.checkpoint': 'a.pth',
        'randomness.seed': 1,
        'train_cfg.max_epochs': 3,
        'train_pipeline.0.scale': (4, 4),
    }
    merge_options(cfg, options)
    assert cfg.model.backbone.init_cfg.checkpoint == 'a.pth' and cfg.randomness.seed == 1
    assert cfg.train_cfg.max_epochs == 3 and cfg.train_pipeline[0].scale == (4, 4)


def test_the_place_it_was_written_at_is_named(cfg):
    with pytest.raises(ValueError, match='teacher: cfg_options train_cfg.max_epoch'):
        merge_options(cfg, {'train_cfg.max_epoch': 2}, 'teacher: cfg_options')


def test_a_config_takes_its_variables_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / 'x.py').write_text("root = '{{$SURGE_TEST_ROOT:here}}'\n")
    monkeypatch.delenv('SURGE_TEST_ROOT', raising=False)
    assert read_config(tmp_path / 'x.py').root == 'here'
    monkeypatch.setenv('SURGE_TEST_ROOT', 'there')
    assert read_config(tmp_path / 'x.py').root == 'there'
    monkeypatch.setenv('SURGE_TEST_ROOT', '')
    with pytest.raises(ValueError, match='ROOT is set, but empty. Write export SURGE_TEST_ROOT=VA'):
        read_config(tmp_path / 'x.py')


def test_a_variable_that_is_not_set_has_no_default_to_fall_back_to(monkeypatch, tmp_path):
    (tmp_path / 'x.py').write_text("root = '{{$SURGE_TEST_ROOT:}}'\n")
    monkeypatch.delenv('SURGE_TEST_ROOT', raising=False)
    with pytest.raises(ValueError, match='is not set, .*VALUE.$'):
        read_config(tmp_path / 'x.py')


def test_another_key_error_is_let_by(tmp_path):
    (tmp_path / 'x.py').write_text("x = dict()['y']\n")
    with pytest.raises(KeyError, match='^.y.$'):
        read_config(tmp_path / 'x.py')
    require_variable(KeyError('y'))


REFUSED = [
    ({'train_cfg.max_epochs': 'one'}, "'one' is no number, and .* 12 there.*max_epochs=12"),
    ({'train_cfg.max_epochs': '2.5'}, 'Write train_cfg.max_epochs=2.5'),
    ({'model.backbone': dict(depth='18x')}, "depth=18x: '18x' is no number"),
    (
        {'model.neck.policy.eta': 0.5},
        'config has model.neck=None, which .*write model.neck._delete_=True '
        'model.neck.policy.eta=0.5',
    ),
    ({'model.neck.levels': [1, 2]}, r"_delete_=True 'model.neck.levels=\[1, 2\]'"),
    ({'model.neck': dict(type='FPN')}, 'write model.neck._delete_=True model.neck.type=FPN'),
    ({'model.neck': {}}, 'write model.neck._delete_=True'),
    ({'train_pipeline.4.keep_ratio': 1}, 'is a list of 1. Write train_pipeline.0.keep_ratio='),
    ({'train_pipeline.keep_ratio': 1}, 'is a list of 1. Write train_pipeline.0.keep_ratio='),
    ({'train_pipeline.0': 1}, r'Write train_pipeline=\[...\], the whole list, which has 1'),
    ({'test_pipeline.0.type': 'Resize'}, r'Write test_pipeline=\[...\], the whole list'),
    ({'model.levels.1': 7}, r'one element of a list.*Write model.levels=\[...\]'),
    ({'model.steps.0.type': 'x'}, r'one element of a list.*Write model.steps=\[...\]'),
]


@pytest.mark.parametrize('options, told', REFUSED)
def test_what_cannot_be_merged_is_shown_before_mmengine_tries(cfg, options, told):
    cfg.model.update(neck=None, levels=[0, 1], steps=(dict(type='a'),))
    before = cfg.to_dict()
    with pytest.raises(ValueError, match=told) as refused:
        merge_options(cfg, options)
    assert cfg.to_dict() == before
    merge_options(cfg, pasted(str(refused.value)))


def pasted(told: str) -> dict:
    """The options of the line that an error shows, read as a command's; any value for ``...``."""
    line = re.search(r'[Ww]rite (.*?)(, the whole list.*)?$', told)[1]
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    words = shlex.split(line.replace('[...]', '[1,2]').replace('...', '1'))
    return parser.parse_args(['--cfg-options', *words]).cfg_options


def test_the_line_for_a_plan_is_python(cfg):
    cfg.model.neck = None
    with pytest.raises(ValueError, match='EDE: config model.neck.type') as refused:
        merge_options(cfg, {'model.neck.type': 'FPN'}, 'EDE: config')
    line = re.search(r'write (.*)$', str(refused.value))[1]
    merge_options(cfg, ast.literal_eval(f'{{{line}}}'))
    assert cfg.model.neck == dict(type='FPN')


def test_the_line_that_replaces_works(cfg):
    cfg.model.neck = None
    merge_options(cfg, {'model.neck._delete_': True, 'model.neck.type': 'FPN'})
    assert cfg.model.neck == dict(type='FPN')
    merge_options(cfg, {'model.neck': dict(_delete_=True, kind='PAFPN'), 'model.neck.more': 1})
    assert cfg.model.neck == dict(kind='PAFPN', more=1)


def test_options_that_are_given_stay_as_they_are(cfg):
    given = {'model.backbone': dict(_delete_=True, depth=34), 'model.backbone.style': 'x'}
    merge_options(cfg, given)
    assert given == {'model.backbone': dict(_delete_=True, depth=34), 'model.backbone.style': 'x'}
    assert cfg.model.backbone == dict(depth=34, style='x')
