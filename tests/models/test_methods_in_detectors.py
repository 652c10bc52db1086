"""Every listed method as layers of a detector: it builds, trains a step, packs or says why not."""

from types import SimpleNamespace

import pytest
import torch
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


def train(detector, steps=2):
    """Steps as a Runner takes them; the losses of the last.

    In float32: on maps of one pixel oneDNN's bfloat16 convolution leaves numbers of its
    weight's gradient unwritten, that of a plain ``nn.Conv2d`` too.
    """
    wrapper = build_optim_wrapper(detector, dict(WRAPPER))
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


@pytest.fixture(scope='module')
def detectors():
    """Detectors of as many layers as it takes to give each method one of its own."""
    layers, names = binary_names(build('RetinaNet')), list(BINARY)
    found = {}
    for start in range(0, len(names), len(layers)):
        chunk = dict(zip(layers, names[start : start + len(layers)], strict=False))
        overrides = {layer: BINARY[name].policy()['layer'] for layer, name in chunk.items()}
        torch.manual_seed(0)
        detector = build('RetinaNet', policy=dict(overrides=overrides))
        before = {k: v.clone() for k, v in detector.state_dict().items()}
        losses = train(detector)
        found.update(
            {
                name: SimpleNamespace(
                    detector=detector, layer=layer, before=before, losses=losses, packed=None
                )
                for layer, name in chunk.items()
            }
        )
    return found


@pytest.mark.parametrize('name', BINARY)
def test_it_trains_in_a_detector(detectors, name):
    here = detectors[name]
    layer = here.detector.get_submodule(here.layer)
    for key, kind in BINARY[name].policy()['layer'].items():
        if key != 'surge':
            assert type(getattr(layer, key)).__name__ == kind['type']
    assert layer.compensated == BINARY[name].has_surge
    for key, value in layer.named_parameters():
        assert value.isfinite().all(), key
    assert not layer.weight.equal(here.before[f'{here.layer}.weight'])
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
