"""Every listed method as layers of a detector: it builds, trains a step, packs or says why not."""

from types import SimpleNamespace

import pytest
import torch
from engine.toy_training import amp_on_cpu
from mmdet.testing import demo_mm_inputs
from mmengine.optim import build_optim_wrapper
from tiny_detectors import build

from surge_mmdet.binarizers import AdaBinWeight
from surge_mmdet.deploy.fold import pack_layers
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.engine import BinarizerHook, ProgressHook
from surge_mmdet.layers import BinaryLayer
from surge_mmdet.methods import METHODS

BINARY = {method.name: method for method in METHODS.values() if method.layer is not None}
WRAPPER = dict(
    constructor='surge_mmdet.SurgeOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3),
    clip_grad=dict(max_norm=10),
)


def binary_names(detector):
    return [n for n, m in detector.named_modules() if isinstance(m, BinaryLayer)]


# Three maps of two pixels and more: on one of a single pixel oneDNN's bfloat16 convolution
# leaves numbers of its weight's gradient unwritten, that of a plain nn.Conv2d too.
NO_PIXELS = dict(neck=dict(num_outs=3), bbox_head=dict(anchor_generator=dict(strides=[8, 16, 32])))


def train(detector, steps=2, **changes):
    """Steps as a Runner takes them; the losses of the last."""
    wrapper = build_optim_wrapper(detector, {**WRAPPER, **changes})
    runner = SimpleNamespace(
        model=detector, optim_wrapper=wrapper, train_dataloader=[0], iter=0, max_iters=steps
    )
    hooks = [ProgressHook(), BinarizerHook()]
    for hook in hooks:
        hook.before_train(runner)
    for runner.iter in range(steps):
        for hook in hooks:
            hook.before_train_iter(runner, 0)
        data = demo_mm_inputs(2, (3, 64, 64), num_items=[3, 3])
        losses = detector.train_step(data, wrapper)
    hooks[1].after_train(runner)
    return losses


def train_all(structure, **wrapper) -> dict:
    """Detectors of as many layers as it takes to give each method one of its own."""
    layers, names = binary_names(build('RetinaNet', **structure)), list(BINARY)
    found = {}
    for start in range(0, len(names), len(layers)):
        chunk = dict(zip(layers, names[start : start + len(layers)], strict=False))
        overrides = {layer: BINARY[name].policy()['layer'] for layer, name in chunk.items()}
        torch.manual_seed(0)
        detector = build('RetinaNet', policy=dict(overrides=overrides), **structure)
        before = {k: v.clone() for k, v in detector.state_dict().items()}
        outputs = {layer: [] for layer in chunk}
        for layer, seen in outputs.items():
            detector.get_submodule(layer).register_forward_hook(
                lambda module, args, output, seen=seen: seen.append(output.detach())
            )
        losses = train(detector, **wrapper)
        found.update(
            {
                name: SimpleNamespace(
                    detector=detector,
                    layer=layer,
                    before=before,
                    losses=losses,
                    outputs=outputs[layer],
                )
                for layer, name in chunk.items()
            }
        )
    return found


@pytest.fixture(scope='module')
def detectors():
    return train_all({})


@pytest.fixture(scope='module')
def mixed():
    """Those of automatic mixed precision."""
    with pytest.MonkeyPatch.context() as patch:
        amp_on_cpu(patch)
        return train_all(NO_PIXELS, type='AmpOptimWrapper', dtype='bfloat16', loss_scale=1024.0)


@pytest.mark.parametrize('precision', [pytest.param('detectors', id='float32'), 'mixed'])
@pytest.mark.parametrize('name', BINARY)
def test_it_trains_in_a_detector(precision, name, request):
    here = request.getfixturevalue(precision)[name]
    layer = here.detector.get_submodule(here.layer)
    for key, kind in BINARY[name].policy()['layer'].items():
        if key != 'surge':
            assert type(getattr(layer, key)).__name__ == kind['type']
    assert layer.compensated == BINARY[name].has_surge
    for key, value in layer.named_parameters():
        assert value.isfinite().all(), key
    assert not layer.weight.equal(here.before[f'{here.layer}.weight'])
    if precision == 'mixed':
        assert all(each.dtype == torch.bfloat16 for each in here.outputs)
        assert all(each.shape[2:].numel() > 1 for each in here.outputs)
    for part in (layer.activation, layer.weight_rule):
        if 'extra_loss' in part.carried:
            loss = here.losses[f'loss_{type(part).__name__.lower()}']
            assert loss.isfinite() and loss > 0


@pytest.mark.parametrize('name', BINARY)
def test_it_packs_there_or_says_why(detectors, name):
    here = detectors[name]
    if not hasattr(here.detector, 'kept'):
        here.detector.kept = pack_layers(here.detector.eval())
    layer = here.detector.get_submodule(here.layer)
    if here.layer not in here.detector.kept:
        assert isinstance(layer, PackedLayer)
        return
    assert isinstance(layer, BinaryLayer)
    reason = here.detector.kept[here.layer]
    parts = (layer.activation, layer.weight_rule)
    assert any(type(part).__name__ in reason for part in parts) and len(reason.split()) > 5
    # Nothing packs less than it could: only these have no packed form.
    assert (
        layer.activation.bits > 1
        or isinstance(layer.weight_rule, AdaBinWeight)
        or (type(layer.activation).__name__ == 'AdaBin')
    )


def test_there_is_a_detector_left_that_detects(detectors):
    for detector in {id(each.detector): each.detector for each in detectors.values()}.values():
        data = detector.data_preprocessor(demo_mm_inputs(1, (3, 64, 64), num_items=[3]))
        with torch.no_grad():
            (found,) = detector.eval()(**data, mode='predict')
        assert found.pred_instances.scores.isfinite().all()
