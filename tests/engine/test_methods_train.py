"""Every listed method under everything at once: AMP, accumulation, clipping, EMA, a resume.

One network has a layer of each method side by side, so that a method is tested
by being listed; two of its trainings, one interrupted, serve all tests.
"""

from types import SimpleNamespace

import pytest
import torch
from engine.test_resume import Interrupt
from engine.toy_training import amp_on_cpu, build_runner
from mmengine.hooks import EMAHook
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from torch import nn

from surge_mmdet.binarizers import ACTIVATIONS, WEIGHT_RULES
from surge_mmdet.engine import BinarizerHook, EpochSeedHook, NonFiniteStepHook, ProgressHook
from surge_mmdet.layers import TRAINING_ONLY, BinaryConv2d
from surge_mmdet.methods import METHODS

BINARY = {method.name: method for method in METHODS.values() if method.layer is not None}
SAVE = dict(
    type='CheckpointHook', interval=1, max_keep_ckpts=1, backend_args=dict(backend='surge_atomic')
)
WRAPPER = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=1024.0,
    constructor='surge_mmdet.SurgeOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-2, fused=True),
    accumulative_counts=2,
    clip_grad=dict(max_norm=10),
)
EPOCHS = 4  # of four iterations, two steps


class Side(BaseModel):
    """A layer of each method on the same maps; their means are added."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.layers = nn.ModuleDict(
            {
                f'_{name}': BinaryConv2d(4, 4, 3, padding=1, **method.policy()['layer'])
                for name, method in BINARY.items()
            }
        )

    def forward(self, inputs, targets, mode='loss'):
        x = self.stem(inputs + 0.1 * torch.randn_like(inputs))
        outs = [layer(x).float().mean((1, 2, 3)) for layer in self.layers.values()]
        return dict(loss=sum((out - targets).square().mean() for out in outs))


def train(folder, *hooks, **options):
    model = Side()
    hooks = [EpochSeedHook(), ProgressHook(), BinarizerHook(), NonFiniteStepHook(), *hooks]
    build_runner(
        model,
        [*hooks, EMAHook(momentum=0.2)],
        EPOCHS,
        checkpoint=SAVE,
        optim_wrapper=dict(WRAPPER),
        work_dir=str(folder),
        experiment_name=f'{folder}-{len(options)}-{len(hooks)}',
        **options,
    ).train()
    return model


@pytest.fixture(scope='module')
def ends(tmp_path_factory):
    """Checkpoints at the end, of a whole training and of one in two parts."""
    folder = tmp_path_factory.mktemp('methods')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefaultScope, '_instance_dict', DefaultScope._instance_dict.copy())
        patch.setattr('mmengine.runner.runner.collect_env', lambda: {})
        amp_on_cpu(patch)
        train(folder / 'whole')
        with pytest.raises(KeyboardInterrupt):
            train(folder / 'parts', Interrupt())
        torch.manual_seed(99)  # a fresh process would be in another state
        train(folder / 'parts', resume=True)
    whole, parts = (
        torch.load(folder / part / 'epoch_4.pth', weights_only=False) for part in ('whole', 'parts')
    )
    return SimpleNamespace(whole=whole, parts=parts, start=Side().state_dict())


def own(checkpoint, name, key='state_dict', before=''):
    start = f'{before}layers._{name}.'
    found = {k.removeprefix(start): v for k, v in checkpoint[key].items() if k.startswith(start)}
    assert 'weight' in found
    return found


@pytest.mark.parametrize('name', BINARY)
def test_a_resumed_training_equals_an_uninterrupted_one_bitwise(ends, name):
    for key, before in (('state_dict', ''), ('ema_state_dict', 'module.')):
        whole, parts = (own(each, name, key, before) for each in (ends.whole, ends.parts))
        assert whole.keys() == parts.keys()
        assert [k for k in whole if not whole[k].equal(parts[k])] == []


@pytest.mark.parametrize('name', BINARY)
def test_everything_that_can_learn_has_moved_to_a_number(ends, name):
    now, averaged = own(ends.whole, name), own(ends.whole, name, 'ema_state_dict', 'module.')
    layer = BinaryConv2d(4, 4, 3, padding=1, **BINARY[name].policy()['layer'])
    assert now.keys() == averaged.keys() == layer.state_dict().keys()
    for key, parameter in layer.named_parameters():
        assert parameter.requires_grad
        assert not now[key].equal(ends.start[f'layers._{name}.{key}']), key
        assert not now[key].equal(averaged[key]), key
    for key, value in (*now.items(), *averaged.items()):
        assert value.isfinite().all(), key


@pytest.mark.parametrize('name', BINARY)
def test_schedules_have_followed_the_training(ends, name):
    layer = BinaryConv2d(4, 4, 3, padding=1, **BINARY[name].policy()['layer'])
    found = own(ends.whole, name)
    scheduled = [r for r in ('activation', 'weight_rule') if getattr(layer, r).scheduled]
    assert [k for k in found if k.endswith('progress')] == [f'{r}.progress' for r in scheduled]
    for role in scheduled:
        assert found[f'{role}.progress'] == 15 / 16


@pytest.mark.parametrize('name', BINARY)
def test_what_only_training_needs_can_be_left_out(ends, name):
    """A checkpoint without it loads strictly, and evaluates alike."""
    found = own(ends.whole, name)
    layers = []
    for state in (found, {k: v for k, v in found.items() if k not in TRAINING_ONLY}):
        layer = BinaryConv2d(4, 4, 3, padding=1, **BINARY[name].policy()['layer'])
        layer.load_state_dict(state, strict=True)
        layers.append(layer.eval())
    x = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert layers[0](x).equal(layers[1](x))


def test_every_name_of_what_only_training_needs_is_one(ends):
    keys = {k.split('.', 2)[2] for k in ends.whole['state_dict'] if k.startswith('layers.')}
    assert set(TRAINING_ONLY) - keys <= {'ags.running'}
    for role, kinds in (('activation', ACTIVATIONS), ('weight_rule', WEIGHT_RULES)):
        said = {f'{role}.{each}' for kind in kinds for each in kind.training_only}
        assert said == {each for each in TRAINING_ONLY if each.startswith(role)}
