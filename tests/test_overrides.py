"""Overrides of a config: a key that is nearly one of the config's is a slip."""

import pytest
from mmengine.config import Config

from surge_mmdet.overrides import merge_options


@pytest.fixture
def cfg():
    return Config(
        dict(
            train_cfg=dict(max_epochs=12, val_interval=1),
            train_pipeline=[dict(type='Resize', keep_ratio=True)],
            model=dict(backbone=dict(depth=18)),
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
