import json

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from surge_mmdet.analysis.curves.binary_plot import (
    colour_range,
    in_rows,
    plot_statistics,
    read_statistics,
)
from surge_mmdet.binarizers import RealWeight, SignSTE
from surge_mmdet.engine import AGSHook, BinaryMonitorHook

pytest_plugins = ['toy_training']

LAYERS = ['backbone.layer1.0', 'backbone.layer1.2', 'backbone.layer2']
PLAIN = ('flips', 'saturated_w', 'constant_w', 'saturated_x', 'constant_x')
SURGE = ('lambda', 'norm_b', 'norm_a', 'cosine', 'smooth_a')


def train(make_runner, model, hooks, **kwargs):
    options = dict(default_hooks=dict(checkpoint=None, logger=dict(type='LoggerHook', interval=1)))
    runner = make_runner(model, hooks, **{**options, **kwargs})
    runner.train()
    return runner


def published(runner, layer):
    hub, found = runner.message_hub.log_scalars, {}
    for key, buffer in hub.items():
        _, _, rest = key.partition('binary.')
        if rest.endswith(f'.{layer}'):
            found[rest.split('.')[0]] = buffer.current()
    return found


def test_each_layer_is_published(make_runner, net):
    runner = train(make_runner, net(), [AGSHook(), BinaryMonitorHook(2)])
    for layer in LAYERS:
        found = published(runner, layer)
        assert set(found) == {*PLAIN, *SURGE}
        stats = runner.model.get_submodule(layer).ags.statistics
        assert found['lambda'] == pytest.approx(stats[0].item())
        assert -1 <= found['cosine'] <= 1 and found['cosine'] != 0
        assert 0 < found['saturated_x'] < 1


def test_plain_binary_layers_have_no_surge_statistics(make_runner, net):
    runner = train(make_runner, net(surge=None), [BinaryMonitorHook(1)])
    assert set(published(runner, LAYERS[0])) == set(PLAIN)


class Moved(SignSTE):
    """The sign of x - 1, counted: what BatchNorm's statistics would be."""

    def __init__(self):
        super().__init__(clip=0.5)
        self.register_buffer('calls', torch.zeros(()))

    def transform(self, v):
        self.calls += 1
        return v - 1


def inputs_of(model, name):
    """Every input of a layer in a training."""
    seen = []
    model.get_submodule(name).register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    return seen


@pytest.mark.parametrize('clip', [0.1, 2.0])
def test_saturation_is_that_of_the_layers_own_clip(make_runner, net, clip):
    model = net(surge=None)
    model.backbone.layer2.activation = SignSTE(clip=clip)
    seen = inputs_of(model, LAYERS[2])
    found = published(train(make_runner, model, [BinaryMonitorHook(4)]), LAYERS[2])
    beyond = (seen[-1].abs() > clip).float().mean().item()
    assert found['saturated_x'] == pytest.approx(beyond)
    assert beyond != pytest.approx((seen[-1].abs() > 1).float().mean().item())


def test_without_a_clip_no_saturation_is_published(make_runner, net, tmp_path):
    model = net(surge=None)
    model.backbone.layer2.weight_rule = RealWeight()
    runner = train(make_runner, model, [BinaryMonitorHook(1)])
    assert set(published(runner, LAYERS[2])) == set(PLAIN) - {'saturated_w'}
    assert set(published(runner, LAYERS[0])) == set(PLAIN)
    plot_statistics(runner.work_dir, tmp_path / 'stats.png')
    iterations, layers, values = read_statistics(runner.work_dir)['saturated_w']
    assert layers == LAYERS[:2]
    _, rows, whole = in_rows(LAYERS, iterations, layers, values)
    assert rows == LAYERS and np.isnan(whole[2]).all() and (whole[:2] == values).all()


def test_statistics_are_of_what_the_sign_is_taken_of(make_runner, net):
    model = net(surge=None)
    binarizer = model.backbone.layer2.activation = Moved()
    seen = inputs_of(model, LAYERS[2])
    found = published(train(make_runner, model, [BinaryMonitorHook(1)]), LAYERS[2])
    u = seen[-1] - 1
    assert found['saturated_x'] == pytest.approx((u.abs() > 0.5).float().mean().item())
    assert binarizer.calls == len(seen)  # the hook's own are not among them


class Flip(Hook):
    """Turns three of one layer's 144 weights in iteration 2."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2:
            weight = runner.model.backbone.layer2.weight.data
            weight.view(-1)[:3] *= -1


@pytest.mark.parametrize('interval, rate', [(1, 0.0), (4, 3 / 144)])
def test_flips_are_counted_since_the_last_time(make_runner, net, interval, rate):
    still = dict(optimizer=dict(type='SGD', lr=0.0))
    runner = train(make_runner, net(), [Flip(), BinaryMonitorHook(interval)], optim_wrapper=still)
    assert published(runner, LAYERS[2])['flips'] == pytest.approx(rate)


def test_nothing_is_kept_between_its_iterations(make_runner, net):
    hook = BinaryMonitorHook(3)
    model = net()
    before = {n: len(m._forward_pre_hooks) for n, m in model.named_modules()}
    train(make_runner, model, [hook])
    assert not hook._handles and not hook._inputs
    assert before == {n: len(m._forward_pre_hooks) for n, m in model.named_modules()}
    layer = model.backbone.layer2
    assert not layer.ags.monitor and layer.ags.take_calls() is None


def test_training_is_the_same_with_and_without(make_runner, net):
    models = [net(), net()]
    train(make_runner, models[0], [])
    train(make_runner, models[1], [BinaryMonitorHook(1)])
    for a, b in zip(*(m.parameters() for m in models), strict=True):
        assert a.equal(b)


def test_figure_and_reading(make_runner, net, tmp_path):
    runner = train(make_runner, net(), [BinaryMonitorHook(2)], epochs=2)
    found = read_statistics(runner.work_dir)
    assert set(found) == {*PLAIN, *SURGE}
    iterations, layers, values = found['saturated_x']
    assert layers == LAYERS and values.shape == (3, len(iterations))
    hub = published(runner, LAYERS[1])
    assert values[1, -1] == pytest.approx(hub['saturated_x'], abs=1e-4)
    plot_statistics(runner.work_dir, tmp_path / 'stats.png')
    assert (tmp_path / 'stats.png').stat().st_size > 10_000


def test_a_run_without_the_hook_is_refused_with_the_line(tmp_path):
    folder = tmp_path / 'time/vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text(json.dumps(dict(loss=1, iter=1)))
    with pytest.raises(ValueError, match='BinaryMonitorHook'):
        read_statistics(tmp_path)


def test_bad_use_is_refused(make_runner, net):
    with pytest.raises(ValueError, match='interval=50'):
        BinaryMonitorHook(0)
    model = net()
    model.backbone = torch.nn.Conv2d(2, 4, 3)
    with pytest.raises(ValueError, match='no binary layer'):
        train(make_runner, model, [BinaryMonitorHook()])


def test_a_share_of_zero_has_the_colour_of_zero():
    assert colour_range('flips', np.zeros((2, 3))) == (0, 0.01)
    assert colour_range('flips', np.array([[0.2, np.nan]])) == (0, 0.2)
    assert colour_range('cosine', np.zeros((2, 3))) == (None, None)
