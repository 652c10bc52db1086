"""Which layers become binary, which stay real, and why."""

import inspect
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Optional

from ..errors import nearest
from ..registry import POLICIES

DEFAULT_POLICY = dict(type='BinaryPolicy')
SHOWN = 12  # names in an error, at most


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
    4. everything else becomes binary: convolutions, and linear layers if
       there is a ``linear``. Only a plain ``nn.Conv2d`` or ``nn.Linear`` can.

    Names are relative to the module that has the policy (``layer1.0.conv1``
    in a backbone); patterns are shell patterns (``layer4.*``).

    Args:
        layer (dict): The binary layer. Default: ``BinaryConv2d`` with SURGE.
            ``dict(surge=None)`` gives plain binary layers.
        real (dict): Pattern to reason.
        binary (Sequence[str]): Patterns.
        overrides (dict): Pattern to options of ``layer`` for some layers.
        linear (dict | None): The binary linear layer; ``dict()`` stands for
            ``BinaryLinear`` with SURGE. None (default) keeps them real.

    Raises:
        ValueError: If a pattern matches no layer, ``binary`` or an override
            has no effect, or nothing becomes binary.

    Examples:
        >>> BinaryPolicy(real={'layer4.*': 'small maps'}).decide('layer4.1')
        Decision(binary=False, reason='small maps')
    """

    def __init__(
        self,
        layer: Optional[dict] = None,
        real: Optional[dict] = None,
        binary: tuple = (),
        overrides: Optional[dict] = None,
        linear: Optional[dict] = None,
    ) -> None:
        for key, value, example in (
            ('layer', layer, 'layer=dict(surge=dict(eta=0.1))'),
            ('linear', linear, 'linear=dict(surge=dict(eta=0.1))'),
            ('real', real, "real={'layer4.*': 'small maps'}"),
            ('overrides', overrides, "overrides={'layer4.*': dict(surge=None)}"),
        ):
            if value is not None and not isinstance(value, dict):
                raise TypeError(
                    f'policy: {key} must be a dict, got {value!r}. Write policy=dict({example}).'
                )
        for key, rules, kind, example in (
            ('real', real, str, "'small maps'"),
            ('overrides', overrides, dict, 'dict(surge=None)'),
        ):
            for pattern, value in (rules or {}).items():
                if not isinstance(value, kind):
                    raise TypeError(
                        f'policy: {key}[{pattern!r}] must be a '
                        f'{kind.__name__}, got {value!r}. Write policy=dict('
                        f'{key}={{{pattern!r}: {example}}}).'
                    )
        listed = isinstance(binary, (list, tuple))
        if not listed or not all(isinstance(pattern, str) for pattern in binary):
            right = [binary] if isinstance(binary, str) else ['layer4.*']
            raise TypeError(
                f'policy: binary must be a list of patterns, got {binary!r}. '
                f'Write policy=dict(binary={right}).'
            )
        self.layer = {'type': 'surge_mmdet.BinaryConv2d', **(layer or {})}
        self.linear = linear if linear is None else {'type': 'surge_mmdet.BinaryLinear', **linear}
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

    def options(self, name: str, linear: bool = False) -> dict:
        """Options of the binary layer ``name``, its type included."""
        pattern = _first_match(name, self.overrides)
        base = (self.linear or {}) if linear else self.layer
        return {**base, **self.overrides.get(pattern, {})}

    def check(self, decisions: dict) -> None:
        """Refuse rules without effect; ``decisions`` are by layer name."""
        for key in ('binary', 'real', 'overrides'):
            for pattern in getattr(self, key):
                met = [n for n in decisions if fnmatchcase(n, pattern)]
                if not met:
                    raise ValueError(_no_layer(key, pattern, decisions))
                if key != 'real' and not any(decisions[n].binary for n in met):
                    raise ValueError(_no_effect(key, pattern, met[0], decisions[met[0]].reason))
        if not any(decision.binary for decision in decisions.values()):
            raise ValueError(
                'policy: no layer would become binary ('
                f'{sorted({d.reason for d in decisions.values()})}). Write '
                'policy=None if the module is meant to stay real.'
            )


def _no_layer(key: str, pattern: str, decisions: dict) -> str:
    names = list(decisions)
    if not names:
        return (
            f'policy: {key} pattern {pattern!r} matches no layer, since '
            'the module has none. Write policy=None.'
        )
    near = nearest(pattern.strip('*'), names, 0.0)
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return (
        f'policy: {key} pattern {pattern!r} matches no layer. The layers '
        f'are {", ".join(names[:SHOWN])}{more}. Write a pattern that '
        f'matches, such as {near!r}.'
    )


def _no_effect(key: str, pattern: str, name: str, reason: str) -> str:
    if key == 'overrides':
        line = f'policy=dict(binary=[{name!r}])'
    else:
        line = 'policy=dict(linear=dict()) for linear layers'
    return (
        f'policy: {key} pattern {pattern!r} would have no effect on '
        f'{name!r}, which stays real ({reason}). Remove it, or write '
        f'{line}.'
    )


def _first_match(name: str, patterns) -> Optional[str]:
    return next((p for p in patterns if fnmatchcase(name, p)), None)


def build_policy(cfg: Optional[dict]) -> Optional[BinaryPolicy]:
    """Policy from config; None keeps every layer real."""
    if cfg is None or isinstance(cfg, BinaryPolicy):
        return cfg
    if not isinstance(cfg, dict):
        raise TypeError(
            f"policy must be a dict or None, got {cfg!r}. Write policy=dict(type='BinaryPolicy')."
        )
    options = {**DEFAULT_POLICY, **cfg}
    name = options.pop('type')
    policy = POLICIES.get(name) if isinstance(name, str) else name
    if policy is None:
        raise ValueError(f"policy: unknown type {name!r}. Write policy=dict(type='BinaryPolicy').")
    known = set(inspect.signature(policy).parameters)
    if not set(options) <= known:
        raise ValueError(
            f'policy: unknown rules {sorted(set(options) - known)}; known are '
            f"{sorted(known)}. Write policy=dict(real={{'layer4.*': 'why'}})."
        )
    return policy(**options)
