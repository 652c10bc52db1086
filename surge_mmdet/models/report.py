"""The table of all layers: binary or real, and why."""
from typing import NamedTuple

from torch import nn

from ..layers import CompensatedLayer


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
    """A :class:`LayerRow` for each convolution and linear layer."""
    reasons = _reasons(model)
    rows = []
    for name, layer in model.named_modules():
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            continue
        binary = isinstance(layer, CompensatedLayer)
        bits = 1 if binary else 32
        reason = reasons.get(name, '' if binary else 'outside every policy')
        rows.append(LayerRow(name, type(layer).__name__, bits, bits,
                             layer.weight.numel(), _surge(layer), reason))
    return rows


def _reasons(model: nn.Module) -> dict:
    found = {}
    for prefix, module in model.named_modules():
        for name, decision in getattr(module, 'policy_decisions', {}).items():
            found[f'{prefix}.{name}'.lstrip('.')] = decision.reason
    return found


def _surge(layer: nn.Module) -> str:
    if not isinstance(layer, CompensatedLayer):
        return ''
    return f'eta={layer.ags.eta:g}' if layer.compensated else 'off'


def policy_table(model: nn.Module) -> str:
    """The rows as aligned text, with a summary below."""
    rows = layer_rows(model)
    head = ('layer', 'type', 'bits W/A', 'weights', 'SURGE', 'why')
    cells = [head] + [
        (r.name, r.kind, f'{r.weight_bits}/{r.activation_bits}',
         f'{r.parameters:,}', r.surge, r.reason) for r in rows
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ['  '.join(c.ljust(w) for c, w in zip(row, widths,
                                                  strict=True)).rstrip()
             for row in cells]
    binary = [r for r in rows if r.weight_bits == 1]
    lines.append(
        f'{len(binary)} of {len(rows)} layers binary, '
        f'{sum(r.parameters for r in binary):,} of '
        f'{sum(r.parameters for r in rows):,} weights in 1 bit')
    return '\n'.join(lines)
