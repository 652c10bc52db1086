from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper

from surge_mmdet.engine import AGSHook
from surge_mmdet.engine.hooks.ags_statistics import stage_of

pytest_plugins = ['toy_training']

LAYERS = ['backbone.layer1.0', 'backbone.layer1.2', 'backbone.layer2']


def statistics(model, name):
    layer = model.get_submodule(name)
    return {key: value.item() for key, value in layer.ags.read()._asdict().items()}


def fake_runner(model, parameters=None):
    optimizer = torch.optim.SGD(parameters or model.parameters(), lr=0.1)
    return SimpleNamespace(model=model, hooks=[], optim_wrapper=OptimWrapper(optimizer))


class Refusing(Hook):
    """Fails if an iteration starts."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise AssertionError('training has started')


def test_plain_binary_layers_are_refused_before_training(make_runner, net):
    runner = make_runner(net(surge=None), [AGSHook(), Refusing()])
    with pytest.raises(ValueError) as error:
        runner.train()
    text = str(error.value)
    assert '3 of 3' in text and ', '.join(LAYERS) in text
    assert 'policy=dict(layer=dict(surge=dict(eta=0.1)))' in text
    assert "type='surge_mmdet.NonFiniteStepHook'" in text


def test_only_the_plain_layers_are_named(net):
    model = net()
    model.backbone.layer2 = net(surge=None).backbone.layer2
    with pytest.raises(ValueError, match='1 of 3 .*: backbone.layer2. Write'):
        AGSHook().before_train(fake_runner(model))


def test_model_without_binary_layer_is_refused(make_runner, net):
    model = net()
    model.backbone = torch.nn.Conv2d(2, 4, 3)
    runner = make_runner(model, [AGSHook(), Refusing()])
    with pytest.raises(ValueError, match='no binary layer that learns'):
        runner.train()


def test_aux_weight_outside_the_optimiser_is_refused(make_runner, net):
    model = net()
    rest = [p for n, p in model.named_parameters() if 'aux_weight' not in n]
    optimizer = OptimWrapper(torch.optim.SGD(rest, lr=0.1))
    runner = make_runner(model, [AGSHook(), Refusing()], optim_wrapper=optimizer)
    with pytest.raises(ValueError, match='not in the optimiser') as error:
        runner.train()
    assert ', '.join(LAYERS) in str(error.value)
    assert 'paramwise_cfg' in str(error.value)


def test_frozen_aux_weight_is_refused(net):
    model = net()
    model.backbone.layer2.aux_weight.requires_grad_(False)
    with pytest.raises(ValueError, match='weights of backbone.layer2 are'):
        AGSHook().before_train(fake_runner(model))


def test_statistics_are_published_per_stage(make_runner, net):
    model = net()
    runner = make_runner(model, [AGSHook(interval=2)])
    runner.train()
    scalars = runner.message_hub.log_scalars
    first, second, third = (statistics(model, name) for name in LAYERS)
    for field, label in dict(
        scale='lambda', norm_b='norm_b', norm_a='norm_a', cosine='cosine'
    ).items():
        stage = scalars[f'train/surge.{label}.backbone.layer1']
        assert stage.current() == pytest.approx((first[field] + second[field]) / 2)
        assert scalars[f'train/surge.{label}.backbone.layer2'].current() == pytest.approx(
            third[field]
        )
        assert len(stage.data[0]) == 2  # 4 iterations, interval 2
    assert first['cosine'] != 0 and abs(first['cosine']) <= 1
    assert scalars['train/surge.non_finite'].current() == 0
    assert scalars['train/surge.skipped_steps'].current() == 0


def test_cosine_is_only_computed_where_it_is_published(make_runner, net):
    monitored = []

    class Watch(Hook):
        priority = 'LOWEST'

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            monitored.append(model.backbone.layer2.ags.monitor)

    model = net()
    make_runner(model, [AGSHook(interval=3), Watch()]).train()
    assert monitored == [False, False, True, False]


def test_frozen_layers_are_not_expected(make_runner, net):
    model = net()
    model.backbone.layer1 = net(surge=None).backbone.layer1
    model.backbone.layer1.requires_grad_(False)
    runner = make_runner(model, [AGSHook(interval=1)])
    runner.train()
    stages = {
        key.split('.', 2)[2] for key in runner.message_hub.log_scalars if 'surge.lambda' in key
    }
    assert stages == {'backbone.layer2'}


def test_excluded_layers_may_be_plain(net):
    model = net()
    model.backbone.layer1 = net(surge=None).backbone.layer1
    with pytest.raises(ValueError, match='2 of 3'):
        AGSHook().before_train(fake_runner(model))
    AGSHook(exclude=['*.layer1.*']).before_train(fake_runner(model))


def test_aux_weight_follows_a_weight_that_changed_after_building(net):
    model = net()
    layer = model.backbone.layer2
    torch.nn.init.normal_(layer.weight)
    assert not layer.aux_weight.equal(layer.weight)
    AGSHook().before_train(fake_runner(model))
    assert layer.aux_weight.equal(layer.weight)


def test_layer_that_gets_no_gradient_is_named_in_the_log(make_runner, net, tmp_path):
    make_runner(net(binary_stem=True), [AGSHook()]).train()
    log = next((tmp_path / 'work').rglob('*.log')).read_text()
    assert 'no gradient passed through backbone.stem in the first' in log


@pytest.mark.parametrize(
    'name, stage',
    [
        ('backbone.layer1.0.conv1', 'backbone.layer1'),
        ('neck.fpn_convs.2.conv', 'neck.fpn_convs'),
        ('rpn_head.rpn_conv', 'rpn_head.rpn_conv'),
        ('conv', 'conv'),
    ],
)
def test_stage_is_the_first_two_parts_of_a_name(name, stage):
    assert stage_of(name) == stage


def test_interval_and_exclude_are_checked(net):
    with pytest.raises(ValueError, match='interval=10'):
        AGSHook(interval=0)


def test_a_pattern_that_excludes_nothing_is_answered_with_the_nearest_layer(net):
    with pytest.raises(ValueError, match='exclude matches no binary layer') as error:
        AGSHook(exclude=['backbone.layer2*', 'layer2*']).before_train(fake_runner(net()))
    assert "unknown 'layer2*'" in str(error.value)
    assert str(error.value).endswith(
        "Write default_hooks=dict(ags=dict(exclude=('backbone.layer2', )))."
    )
    with pytest.raises(ValueError, match='no binary layer that learns'):
        AGSHook(exclude=['layer2*']).before_train(fake_runner(torch.nn.Linear(2, 2)))


def test_inputs_of_one_sign_are_reported_once(make_runner, net, tmp_path):
    model = net()
    layer = model.get_submodule(LAYERS[-1])
    layer.register_forward_pre_hook(lambda _, args: (args[0].abs(),))
    runner = make_runner(model, [AGSHook()])
    runner.train()
    log = next((tmp_path / 'work').rglob('*.log')).read_text()
    assert log.count(f'all inputs of {LAYERS[-1]} are >= 0') == 1
    assert len(layer._forward_pre_hooks) == 1  # only the test's own


CLIPPING = dict(optimizer=dict(type='SGD', lr=0.1), clip_grad=dict(max_norm=1))


def test_joint_clipping_is_refused_with_the_constructor(make_runner, net):
    runner = make_runner(net(), [AGSHook(), Refusing()], optim_wrapper=CLIPPING)
    with pytest.raises(ValueError) as error:
        runner.train()
    assert "constructor='surge_mmdet.SurgeOptimWrapper" in str(error.value)


def test_the_constructor_it_names_passes(make_runner, net):
    wrapper = dict(CLIPPING, constructor='surge_mmdet.SurgeOptimWrapperConstructor')
    runner = make_runner(net(), [AGSHook()], optim_wrapper=wrapper)
    runner.train()
    scalars = runner.message_hub.log_scalars
    assert scalars['train/surge.aux_grad_norm'].current() > 0
    assert scalars['train/grad_norm'].current() > 0


def test_tied_branches_need_nothing_in_the_optimiser(make_runner, net):
    runner = make_runner(net(surge=dict(branch='tied')), [AGSHook()])
    runner.train()
    assert statistics(runner.model, LAYERS[0])['scale'] > 0


@pytest.mark.parametrize('accumulate, closed', [(1, 4), (2, 2)])
def test_running_norms_are_closed_once_per_optimiser_step(make_runner, net, accumulate, closed):
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1), accumulative_counts=accumulate)
    runner = make_runner(net(surge=dict(mode='running')), [AGSHook()], optim_wrapper=wrapper)
    runner.train()
    scaler = runner.model.backbone.layer2.ags
    assert scaler.running[2] == closed and not scaler.pending.any()
    assert statistics(runner.model, LAYERS[0])['scale'] > 0
