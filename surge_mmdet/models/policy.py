"""Which layers become binary, which stay real, and why."""
import inspect
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Optional

from torch import nn

from ..layers import BinaryConv2d
from ..registry import MODELS, POLICIES

DEFAULT_POLICY = dict(type='BinaryPolicy')


@dataclass(frozen=True)
class Decision:
    """What a policy says about one layer."""
    binary: bool
    reason: str


@POLICIES.register_module()
class BinaryPolicy:
    """Rules on layer names, in this order of precedence.

    1. ``binary``: these become binary whatever the other rules say.
    2. ``real``: these stay real, each with a reason.
    3. the defaults of the module (the stem of a ResNet, say) stay real.
    4. everything else becomes binary.

    Names are relative to the module that has the policy (``layer1.0.conv1``
    in a backbone); patterns are shell patterns (``layer4.*``).

    Args:
        layer (dict): The binary layer. Default: ``BinaryConv2d`` with SURGE.
            ``dict(surge=None)`` gives plain binary layers.
        real (dict): Pattern to reason.
        binary (Sequence[str]): Patterns.
        overrides (dict): Pattern to options of ``layer`` for some layers.

    Raises:
        ValueError: If a pattern matches no layer, an override meets a layer
            that stays real, or nothing becomes binary.

    Examples:
        >>> BinaryPolicy(real={'layer4.*': 'small maps'}).decide('layer4.1')
        Decision(binary=False, reason='small maps')
    """

    def __init__(self,
                 layer: Optional[dict] = None,
                 real: Optional[dict] = None,
                 binary: tuple = (),
                 overrides: Optional[dict] = None) -> None:
        for key, value, example in (
                ('real', real, "real={'layer4.*': 'small maps'}"),
                ('overrides', overrides,
                 "overrides={'layer4.*': dict(surge=None)}")):
            if value is not None and not isinstance(value, dict):
                raise TypeError(f'policy: {key} must be a dict, got {value!r}.'
                                f' Write policy=dict({example}).')
        if isinstance(binary, str):
            raise TypeError(f'policy: binary must be a list of patterns. '
                            f'Write policy=dict(binary=[{binary!r}]).')
        self.layer = {'type': 'surge_mmdet.BinaryConv2d', **(layer or {})}
        self.real = dict(real or {})
        self.binary = tuple(binary)
        self.overrides = dict(overrides or {})

    def decide(self, name: str, defaults: Optional[dict] = None) -> Decision:
        """Binary or real for the layer ``name``, with the reason."""
        if _first_match(name, self.binary):
            return Decision(True, 'binary by policy')
        for rules in (self.real, defaults or {}):
            pattern = _first_match(name, rules)
            if pattern:
                return Decision(False, rules[pattern])
        return Decision(True, '')

    def options(self, name: str) -> dict:
        """Options of the binary layer ``name``, its type included."""
        pattern = _first_match(name, self.overrides)
        return {**self.layer, **self.overrides.get(pattern, {})}

    def check(self, decisions: dict) -> None:
        """Refuse rules without effect; ``decisions`` are by layer name."""
        for key in ('binary', 'real', 'overrides'):
            for pattern in getattr(self, key):
                if not any(fnmatchcase(name, pattern) for name in decisions):
                    raise ValueError(
                        f'policy: {key} pattern {pattern!r} matches no layer. '
                        f'The layers are {", ".join(decisions)}. Write a '
                        f'pattern that matches, such as '
                        f'{next(iter(decisions))!r}.')
        for name, decision in decisions.items():
            pattern = _first_match(name, self.overrides)
            if pattern and not decision.binary:
                raise ValueError(
                    f'policy: overrides[{pattern!r}] = '
                    f'{self.overrides[pattern]} would have no effect on '
                    f'{name!r}, which stays real ({decision.reason}). Remove '
                    f'it, or write policy=dict(binary=[{name!r}]).')
        if not any(decision.binary for decision in decisions.values()):
            raise ValueError(
                'policy: no layer would become binary ('
                f'{sorted({d.reason for d in decisions.values()})}). Write '
                'policy=None if the module is meant to stay real.')


def _first_match(name: str, patterns) -> Optional[str]:
    return next((p for p in patterns if fnmatchcase(name, p)), None)


def build_policy(cfg: Optional[dict]) -> Optional[BinaryPolicy]:
    """Policy from config; None keeps every layer real."""
    if cfg is None or isinstance(cfg, BinaryPolicy):
        return cfg
    if not isinstance(cfg, dict):
        raise TypeError(f'policy must be a dict or None, got {cfg!r}. Write '
                        "policy=dict(type='BinaryPolicy').")
    options = {**DEFAULT_POLICY, **cfg}
    name = options.pop('type')
    policy = POLICIES.get(name) if isinstance(name, str) else name
    if policy is None:
        raise ValueError(f'policy: unknown type {name!r}. Write '
                         "policy=dict(type='BinaryPolicy').")
    known = set(inspect.signature(policy).parameters)
    if not set(options) <= known:
        raise ValueError(
            f'policy: unknown rules {sorted(set(options) - known)}; known are '
            f"{sorted(known)}. Write policy=dict(real={{'layer4.*': 'why'}}).")
    return policy(**options)


def binarize(module: nn.Module, policy, defaults: Optional[dict] = None):
    """Swap the real convolutions of ``module`` in place, by ``policy``.

    The binary layers share the Parameters of those they replace. The
    decisions are kept as ``module.policy_decisions`` for the report.

    Args:
        module (nn.Module): Anything with ``nn.Conv2d`` inside.
        policy (dict | BinaryPolicy | None): None keeps all layers real.
        defaults (dict): Pattern to reason: what stays real by default.

    Returns:
        dict[str, Decision]: By layer name, in the order of the module.
    """
    policy = build_policy(policy)
    convs = {n: m for n, m in module.named_modules()
             if isinstance(m, nn.Conv2d) and not isinstance(m, BinaryConv2d)}
    if policy is None:
        decisions = {n: Decision(False, 'policy=None') for n in convs}
    else:
        decisions = {n: _decide(policy, n, m, defaults)
                     for n, m in convs.items()}
        policy.check(decisions)
    for name, decision in decisions.items():
        if decision.binary:
            _swap(module, name, convs[name], policy.options(name))
    module.policy_decisions = decisions
    return decisions


def _decide(policy, name: str, conv: nn.Conv2d, defaults) -> Decision:
    if type(conv) is not nn.Conv2d:
        return Decision(False, f'{type(conv).__name__} is not a plain '
                        "nn.Conv2d; use conv_cfg=dict(type='Conv2d')")
    return policy.decide(name, defaults)


def _swap(module: nn.Module, name: str, conv: nn.Conv2d, options: dict):
    kind = options.pop('type')
    layer = MODELS.get(kind) if isinstance(kind, str) else kind
    if layer is None:
        raise ValueError(f'policy: unknown layer type {kind!r}. Write policy='
                         "dict(layer=dict(type='surge_mmdet.BinaryConv2d')).")
    parent, _, leaf = name.rpartition('.')
    try:
        binary = layer.from_float(conv, **options)
    except TypeError as error:
        raise TypeError(
            f'policy: layer={options} cannot be built: {error}. Write '
            "policy=dict(layer=dict(activation=dict(type='SignSTE'), "
            'surge=dict(eta=0.3))).') from error
    setattr(module.get_submodule(parent), leaf, binary)
