"""Binary layers in place of real ones, as a policy decides."""

from typing import Optional

from mmcv import cnn
from torch import nn

from ..layers import BinaryLayer
from ..registry import MODELS
from .policy import Decision, build_policy
from .swap import swap

# mmcv's are PyTorch's own with a remedy for empty inputs of old versions.
PLAIN = (nn.Conv2d, cnn.Conv2d, nn.Linear, cnn.Linear)


def is_layer(module: nn.Module) -> bool:
    """Whether a policy decides on it: a convolution of any kind, a linear."""
    weight = module._parameters.get('weight')
    return isinstance(module, (nn.Conv2d, nn.Linear)) or (weight is not None and weight.dim() == 4)


def binarize(module: nn.Module, policy, defaults: Optional[dict] = None):
    """Swap real layers of ``module`` in place, by ``policy``.

    The binary layers share the Parameters of those they replace. A layer
    that several modules hold (the heads of RTMDet share theirs between
    levels) is decided on once, under its first name, and replaced everywhere
    by one binary layer. The decisions are kept as
    ``module.policy_decisions`` for the report. A part inside that has such
    decisions already (a ``BinaryResNet`` in a detector) keeps its own policy.

    Args:
        module (nn.Module): Anything with convolutions inside.
        policy (dict | BinaryPolicy | None): None keeps all layers real.
        defaults (dict): Pattern to reason: what stays real by default.

    Returns:
        dict[str, Decision]: By layer name, in the order of the module.

    Raises:
        ValueError: If ``module`` is itself a layer that would be replaced.
    """
    policy = build_policy(policy)
    layers = _undecided(module)
    if policy is None:
        decisions = {n: Decision(False, 'policy=None') for n in layers}
    else:
        decisions = {n: _decide(policy, n, m, defaults) for n, m in layers.items()}
        policy.check(decisions)
    if '' in decisions and decisions[''].binary:
        raise ValueError(_no_parent(module))
    binary = {name for name, decision in decisions.items() if decision.binary}
    swap(module, lambda n, real: _binary_twin(real, n, policy) if n in binary else None)
    module.__dict__['policy_decisions'] = decisions  # no parameter, no module
    return decisions


def _undecided(module: nn.Module) -> dict:
    """Real layers by name, without those of parts with their own policy."""
    decided = {
        layer
        for part in module.modules()
        if part is not module and hasattr(part, 'policy_decisions')
        for layer in part.modules()
    }
    return {
        name: layer
        for name, layer in module.named_modules()
        if is_layer(layer) and layer not in decided and not isinstance(layer, BinaryLayer)
    }


def _no_parent(layer: nn.Module) -> str:
    name = 'linear' if isinstance(layer, nn.Linear) else 'conv'
    kind = 'BinaryLinear' if name == 'linear' else 'BinaryConv2d'
    return (
        f'policy: a {type(layer).__name__} alone has no module in which '
        f'it could be replaced. Write {kind}.from_float({name}).'
    )


def _decide(policy, name: str, layer: nn.Module, defaults) -> Decision:
    kind = type(layer)
    if kind not in PLAIN:
        hint = "; use conv_cfg=dict(type='Conv2d')" if isinstance(layer, nn.Conv2d) else ''
        base = 'Linear' if isinstance(layer, nn.Linear) else 'Conv2d'
        return Decision(False, f'{kind.__name__} is not a plain nn.{base}{hint}')
    decision = policy.decide(name, defaults)
    if decision.binary and isinstance(layer, nn.Linear) and policy.linear is None:
        return Decision(False, 'linear layer: policy has linear=None')
    return decision


def _binary_twin(real: nn.Module, name: str, policy) -> nn.Module:
    linear = isinstance(real, nn.Linear)
    key = 'linear' if linear else 'layer'
    example = 'BinaryLinear' if linear else 'BinaryConv2d'
    options = policy.options(name, linear)
    kind = options.pop('type')
    layer = MODELS.get(kind) if isinstance(kind, str) else kind
    if not hasattr(layer, 'from_float'):
        raise ValueError(
            f'policy: unknown layer type {kind!r}. Write policy='
            f"dict({key}=dict(type='surge_mmdet.{example}'))."
        )
    if issubclass(layer, nn.Linear) != linear:
        raise TypeError(
            f'policy: {key}: {name!r} is a {type(real).__name__} and cannot be built as {kind}. '
            f"Write policy=dict({key}=dict(type='surge_mmdet.{example}'))."
        )
    try:
        return layer.from_float(real, **options)
    except (TypeError, ValueError) as error:
        if 'Write ' in str(error):  # it shows its own line
            raise type(error)(f'policy: {key} of {name!r}: {error}') from error
        raise TypeError(
            f'policy: {key}={options} cannot be built as {kind}: {error}. '
            f"Write policy=dict({key}=dict(activation=dict(type='SignSTE'), "
            'surge=dict(eta=0.1))).'
        ) from error
