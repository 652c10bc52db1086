"""The config of each run, and what no study can train."""

from dataclasses import replace
from functools import partial

import pytest
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.analysis.study import Run, build_each, load_plan, require_trainable, run_config
from surge_mmdet.methods import find_method


@pytest.fixture(scope='module')
def plan():
    return load_plan(str(ROOT / 'tools/benchmark/plans/bccd.py'), ROOT)


@pytest.mark.parametrize('optimizer', ['AdamW', 'SGD'])
def test_each_method_has_its_policy_and_rate(plan, optimizer):
    for label, policy in plan.methods.items():
        cfg = run_config(plan, Run(optimizer, label, 0.5, 7), {})
        assert all(cfg.model[m].policy == policy for m in plan.modules)
        assert cfg.optim_wrapper.optimizer.lr == 0.5
        assert cfg.optim_wrapper.optimizer.type == optimizer
        assert cfg.randomness.seed == 7
        assert cfg.default_hooks.ags.type == (
            'surge_mmdet.AGSHook'
            if find_method(label).has_surge
            else 'surge_mmdet.NonFiniteStepHook'
        )


def test_options_go_to_every_run(plan):
    cfg = run_config(plan, Run('SGD', 'STE', 0.5, 7), {'train_cfg.max_epochs': 1})
    assert cfg.train_cfg.max_epochs == 1


def test_the_packed_detector_of_each_compared_binary_run_is_validated(plan):
    def hook(method, seed, **options):
        return run_config(plan, Run('SGD', method, 0.5, seed), {}, **options).default_hooks.get(
            'packed_val'
        )

    assert hook('STE', 7) == dict(type='surge_mmdet.PackedValHook')
    assert not hook('STE', plan.tune_seed)  # it only chooses a rate
    assert not hook('FP32', 7)
    assert not hook('STE', 7, packed=False)


def test_a_policy_that_only_names_a_surrogate_keeps_surge_checked(plan):
    own = dict(layer=dict(activation=dict(type='SignPolynomial')))
    cfg = run_config(replace(plan, methods={'own': own}), Run('SGD', 'own', 0.1, 0), {})
    assert cfg.default_hooks.ags.type == 'surge_mmdet.AGSHook'


def test_a_method_whose_layers_stay_real_or_plain_needs_no_surge(plan):
    for own in (None, dict(layer=dict(surge=None))):
        cfg = run_config(replace(plan, methods={'own': own}), Run('SGD', 'own', 0.1, 0), {})
        assert cfg.default_hooks.ags.type == 'surge_mmdet.NonFiniteStepHook'


@pytest.mark.parametrize(
    'change, text',
    [
        ({'val_evaluator.type': 'VOCMetric'}, "type='CocoMetric'"),
        ({'train_cfg.val_interval': 4}, 'val_interval=6'),
        (
            {'model.neck.policy': None, 'model.roi_head.policy': None},
            r"modules=\('backbone', 'neck', 'rpn_head', 'roi_head'\)",
        ),
    ],
)
def test_a_config_a_study_cannot_read_is_refused(plan, change, text):
    cfg = Config.fromfile(plan.config)
    require_trainable(plan, cfg)
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError, match=text):
        require_trainable(plan, cfg)


@pytest.mark.parametrize('word, twin', [('recipe', 'ste'), ('ste-pkd', 'ste')])
def test_a_config_with_a_teacher_is_refused(plan, word, twin):
    """All methods would be taught, the float one too."""
    path = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_{}_12e_bccd.py'
    student = replace(plan, config=str(path).format(word))
    line = f"has a teacher, .*Write config = '.*_{twin}_12e_bccd.py'"
    with pytest.raises(ValueError, match=line):
        require_trainable(student, Config.fromfile(student.config))


@pytest.mark.parametrize(
    'policy, optimizer, text',
    [
        (dict(layer=dict(surge=dict(brnch='tied'))), 'SGD', "'broken'.*brnch"),
        (
            dict(layer=dict(surge=None)),
            'AdamWW',
            "unknown 'AdamWW'.*Write optimizer=dict.type='AdamW'",
        ),
    ],
)
def test_a_mistake_is_known_before_the_first_training(plan, policy, optimizer, text):
    broken = replace(
        plan,
        methods={'broken': policy},
        optimizers=dict(A=dict(optimizer=dict(type=optimizer), lrs=(1.0,))),
    )
    with pytest.raises(ValueError, match=text):
        build_each(broken, lambda run: run_config(broken, run, {}))


def test_every_method_of_the_shipped_plan_can_be_built(plan):
    built = []
    one = replace(plan, optimizers={'AdamW': plan.optimizers['AdamW']})

    def config_of(run):
        built.append(run.method)
        return partial(run_config, one, options={})(run)

    build_each(one, config_of)
    assert built == list(plan.methods)
