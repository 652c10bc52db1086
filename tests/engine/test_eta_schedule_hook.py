import pytest
import torch
from mmengine.hooks import Hook

from surge_mmdet.engine import AGSHook, EtaScheduleHook

pytest_plugins = ['toy_training']


class Witness(Hook):
    """Keeps lambda / (norm_b / norm_a) of one layer: the eta in effect."""

    priority = 'LOWEST'

    def __init__(self):
        self.etas = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        scale, b, a = runner.model.backbone.layer2.ags.statistics[:3]
        self.etas.append((scale * a / b).item())


def test_eta_follows_the_schedule(make_runner, net):
    witness = Witness()
    runner = make_runner(net(), [EtaScheduleHook(4, 0.5), witness], epochs=3)
    runner.train()
    hook = EtaScheduleHook(4, 0.5)
    want = [0.3 * hook.factor(i, 12) for i in range(12)]
    assert witness.etas == pytest.approx(want, rel=1e-4)
    assert want[0] == 0 and want[2] == 0.15 and want[4] == 0.3
    assert min(want[4:]) == want[-1] > 0.15
    assert runner.message_hub.get_scalar('train/surge.eta_factor').current() == pytest.approx(
        hook.factor(11, 12)
    )


def test_no_options_keep_eta():
    hook = EtaScheduleHook()
    assert {hook.factor(i, 100) for i in range(101)} == {1.0}


def test_resumed_training_has_the_factor_of_its_iteration(make_runner, net, tmp_path):
    options = dict(epochs=2, checkpoint=dict(type='CheckpointHook', interval=1))
    whole = make_runner(net(), [EtaScheduleHook(0, 0.0), AGSHook()], **options)
    whole.train()
    part = make_runner(
        net(),
        [EtaScheduleHook(0, 0.0), AGSHook()],
        resume=True,
        **options,
        load_from=str(tmp_path / 'work/epoch_1.pth'),
    )
    part.train()
    for (name, a), b in zip(whole.model.named_parameters(), part.model.parameters(), strict=True):
        assert a.equal(b), name


@pytest.mark.parametrize('options', [dict(warmup=-1), dict(final=-0.1)])
def test_negative_options_are_refused(options):
    with pytest.raises(ValueError, match='warmup=500, final=0.0'):
        EtaScheduleHook(**options)


def test_plain_layers_are_left_alone(make_runner, net):
    runner = make_runner(net(surge=None), [EtaScheduleHook(2)])
    runner.train()
    assert torch.isfinite(next(runner.model.parameters())).all()
