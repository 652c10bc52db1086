"""How the gradient changes on its way down through the binary layers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...layers import BinaryLayer
from ...layers.statistics import smooth_share, smoothness
from ..tables import Column, Table

COLUMNS = (
    Column('part', 'part'),
    Column('g', 'input', '{:.2g}'),
    Column('g over delta', 'growth', '{:.2f}'),
    Column('cos(g_a, g_b)', 'cosine', '{:.2f}'),
    Column('smooth g_b', 'smooth_b', '{:.2f}'),
    Column('smooth g_a', 'smooth_a', '{:.2f}'),
    Column('smooth g', 'smooth', '{:.2f}'),
    Column('smooth W_b', 'weight', '{:.2f}'),
    Column('smooth W_a', 'auxiliary', '{:.2f}'),
)


def gradient_by_depth(model: nn.Module, loss: Callable) -> dict:
    """One backward pass, seen at each binary convolution that runs once in it.

    Convolutions of a single tap are left out: they are never smooth.

    Args:
        model (nn.Module): A detector in training mode.
        loss (Callable): Its loss on one batch.

    Returns:
        dict: Layer to ``input`` (norm of the gradient of its input), ``growth``
        (that over the norm of the output's gradient), ``smooth`` (see
        :func:`smooth_share`), ``weight`` (:func:`smoothness` of what the sign
        of W_b is taken of), and with SURGE ``cosine``, ``smooth_b``,
        ``smooth_a`` of both paths and ``auxiliary``, the smoothness of W_a.
    """
    found, handles, calls = {}, [], []
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, BinaryLayer) and _taps(layer.weight) > 1
    }
    for name, layer in layers.items():
        handles.append(layer.register_full_backward_hook(_listener(name, layer, found, calls)))
    combines = {layer.ags: layer.ags.combine for layer in layers.values() if layer.compensated}
    for name, layer in layers.items():
        if layer.compensated:
            layer.start()
            layer.ags.combine = _recorder(name, layer.ags.combine, found)
    try:
        model.zero_grad()
        loss().backward()
    finally:
        for handle in handles:
            handle.remove()
        for ags, combine in combines.items():
            ags.combine = combine
    once = [name for name in layers if calls.count(name) == 1]
    return {name: {key: float(value) for key, value in found[name].items()} for name in once}


def depth_table(found: dict) -> Table:
    """Means over the layers of each part (stage of the backbone, group of the neck).

    Args:
        found (dict): As :func:`gradient_by_depth` returns it.
    """
    parts: dict = {}
    for name, values in found.items():
        parts.setdefault('.'.join(name.split('.')[:2]), []).append(values)
    rows = []
    for part, layers in parts.items():
        keys = layers[0]
        means = {key: sum(layer[key] for layer in layers) / len(layers) for key in keys}
        rows.append(dict(part=part, **means))
    return Table([column for column in COLUMNS if column.key in rows[0]], rows)


def _taps(weight: Tensor) -> int:
    return weight[0, 0].numel() if weight.dim() == 4 else 1


def _listener(name: str, layer: nn.Module, found: dict, calls: list) -> Callable:
    def listen(module, grad_input: tuple, grad_output: tuple) -> None:
        g, delta = grad_input[0], grad_output[0]
        if g is None:  # nothing in front of it learns
            return
        calls.append(name)
        with torch.no_grad():
            found.setdefault(name, {}).update(
                input=g.norm(),
                growth=g.norm() / delta.norm(),
                smooth=smooth_share(g),
                weight=smoothness(layer.weight_rule.real_twin(layer.weight)),
            )
            if layer.compensated and _taps(layer.auxiliary()) > 1:
                found[name]['auxiliary'] = smoothness(layer.auxiliary())

    return listen


def _recorder(name: str, combine: Callable, found: dict) -> Callable:
    """``combine`` of AGS, which also notes what it is given."""

    def record(g_b: Tensor, g_a: Tensor, scale: Tensor) -> Tensor:
        cosine = nn.functional.cosine_similarity(g_b.flatten(), g_a.flatten(), dim=0)
        found.setdefault(name, {}).update(
            cosine=cosine, smooth_b=smooth_share(g_b), smooth_a=smooth_share(g_a)
        )
        return combine(g_b, g_a, scale)

    return record
