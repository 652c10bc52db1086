"""The table of all layers: binary or real, and why."""

from collections import Counter, defaultdict
from typing import NamedTuple

from torch import nn

from ..layers import BinaryLayer
from ..text import aligned
from .binarize import is_layer


class LayerRow(NamedTuple):
    """One layer of a model in the policy table."""

    name: str
    kind: str
    weight_bits: int
    activation_bits: int
    parameters: int
    surge: str
    reason: str


def layer_rows(model: nn.Module) -> list:
    """A :class:`LayerRow` for each layer; shared ones count once."""
    reasons = _reasons(model)
    rows = []
    for name, layer in model.named_modules():
        if not is_layer(layer):
            continue
        weights, activations = 32, 32
        if isinstance(layer, BinaryLayer):
            weights, activations = layer.weight_rule.bits, layer.activation.bits
        reason = reasons.get(name, '' if isinstance(layer, BinaryLayer) else 'outside every policy')
        rows.append(
            LayerRow(
                name,
                type(layer).__name__,
                weights,
                activations,
                layer.weight.numel(),
                _surge(layer),
                reason,
            )
        )
    return rows


def _reasons(model: nn.Module) -> dict:
    modules = dict(model.named_modules())
    found = {}
    for prefix, module in modules.items():
        for name, decision in getattr(module, 'policy_decisions', {}).items():
            path = f'{prefix}.{name}'.lstrip('.')
            # A decision on a layer that was replaced since says nothing.
            binary = isinstance(modules.get(path), BinaryLayer)
            if decision.binary == binary:
                found[path] = decision.reason
    return found


def _surge(layer: nn.Module) -> str:
    if not isinstance(layer, BinaryLayer):
        return ''
    return 'off' if layer.ags is None else f'eta={layer.ags.eta:g}'


def policy_table(model: nn.Module) -> str:
    """The rows as aligned text, with :func:`policy_summary` below."""
    head = ('layer', 'type', 'bits W/A', 'weights', 'SURGE', 'why')
    cells = [
        (
            r.name,
            r.kind,
            f'{r.weight_bits}/{r.activation_bits}',
            f'{r.parameters:,}',
            r.surge,
            r.reason,
        )
        for r in layer_rows(model)
    ]
    return '\n'.join([*aligned([head, *cells]), policy_summary(model)])


def policy_summary(model: nn.Module) -> str:
    """What is binary, what stays real by reason, which ReLU were replaced."""
    rows = layer_rows(model)
    in_bits = sum(r.parameters for r in rows if r.weight_bits == 1)
    by_reason = defaultdict(list)
    for row in rows:
        if row.activation_bits > 1:
            by_reason[row.reason].append(row.parameters)
    cells = [
        (f'  {len(sizes)} real', f'{sum(sizes):,} weights', reason)
        for reason, sizes in by_reason.items()
    ]
    return '\n'.join(
        [
            f'{sum(r.activation_bits == 1 for r in rows)} of {len(rows)} layers '
            f'binary, {in_bits:,} of {sum(r.parameters for r in rows):,} weights '
            'in 1 bit',
            *aligned(cells),
            *_replaced(model),
        ]
    )


def _replaced(model: nn.Module) -> list:
    counts = Counter(
        change
        for module in model.modules()
        for change in getattr(module, 'policy_activations', {}).values()
    )
    return [
        f'  {count} {change}: behind a one-sided activation every sign is +1'
        for change, count in counts.items()
    ]
