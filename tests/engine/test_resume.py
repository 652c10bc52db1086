import pytest
import torch
from mmengine.hooks import Hook

from surge_mmdet.engine import AGSHook, EpochSeedHook

pytest_plugins = ['toy_training']

SCHEDULE = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=6),
    dict(
        type='CosineAnnealingLR',
        T_max=4,
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=4,
        convert_to_iter_based=True,
    ),
]
SAVE = dict(
    type='CheckpointHook', interval=1, max_keep_ckpts=2, backend_args=dict(backend='surge_atomic')
)


class Interrupt(Hook):
    """A person's Ctrl-C in the middle of the third epoch."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 10:
            raise KeyboardInterrupt


def train(make_runner, model, folder, hooks, **kwargs):
    runner = make_runner(
        model,
        hooks,
        epochs=4,
        work_dir=str(folder),
        checkpoint=SAVE,
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
        param_scheduler=SCHEDULE,
        **kwargs,
    )
    runner.train()
    return runner


def difference(make_runner, net, tmp_path, hooks):
    """Names of tensors that an interrupted and resumed run changes."""
    whole, first, second = (net(noise=0.5) for _ in range(3))
    reference = train(make_runner, whole, tmp_path / 'whole', hooks())
    with pytest.raises(KeyboardInterrupt):
        train(make_runner, first, tmp_path / 'parts', [*hooks(), Interrupt()])
    torch.manual_seed(99)  # a fresh process would be in another state
    resumed = train(make_runner, second, tmp_path / 'parts', hooks(), resume=True)
    assert reference.iter == resumed.iter == 16
    own = second.state_dict()
    assert 'backbone.layer2.aux_weight' in own
    return [name for name, value in whole.state_dict().items() if not torch.equal(value, own[name])]


def test_resumed_training_equals_an_uninterrupted_one_bitwise(make_runner, net, tmp_path):
    changed = difference(make_runner, net, tmp_path, lambda: [EpochSeedHook(), AGSHook(interval=3)])
    assert changed == []


def test_without_epoch_seeds_the_resumed_training_differs(make_runner, net, tmp_path):
    changed = difference(make_runner, net, tmp_path, lambda: [AGSHook()])
    assert 'backbone.layer2.weight' in changed


def test_checkpoint_holds_latent_and_auxiliary_weights(make_runner, net, tmp_path):
    model = net()
    train(make_runner, model, tmp_path / 'run', [AGSHook()])
    saved = torch.load(tmp_path / 'run/epoch_4.pth', weights_only=False)
    assert saved['state_dict'].keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(saved['state_dict'][name], value)
    assert not list((tmp_path / 'run').rglob('*.part'))
