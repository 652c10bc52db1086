"""What a method of a plan is: a policy, and what it changes beside it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Optional

from ....convert import BinaryPolicy
from ....distill.inherit import check_parts
from ....errors import braced, corrected, misspelt, unknown
from ....surge import SurgeConfig
from .composed import listed_method
from .labels import known_label, method_line
from .method_losses import check_losses, check_teacher
from .misplaced import check_places

KEYS = ('method', 'config', 'teacher', 'distillation', 'inherit', 'losses')


@dataclass(frozen=True)
class Change:
    """What a method changes in the config beside the policy of the layers.

    Args:
        config (dict): Overrides of the config, as ``--cfg-options``.
        teacher (str | None): Label of the method whose finished run of the
            same seed teaches it.
        distillation (tuple): Losses towards the teacher's maps.
        inherit (tuple): Parts that start from the teacher's weights.
        losses (tuple): Beside the detector's own, which need no teacher.
    """

    config: dict = field(default_factory=dict)
    teacher: Optional[str] = None
    distillation: tuple = ()
    inherit: tuple = ()
    losses: tuple = ()


def read_entry(label: str, given: Optional[Mapping]) -> tuple:
    """Policy and :class:`Change` of one own method of a plan.

    Args:
        label (str): The method's.
        given (Mapping | None): A policy, with any of ``config``, ``teacher``,
            ``distillation``, ``inherit`` and ``losses`` beside its keys;
            ``method`` names a policy of the list instead.

    Raises:
        ValueError: The text shows the corrected line.

    Examples:
        >>> read_entry('ReActNet', dict(method='rsign', config={'model.backbone.act_cfg.type':
        ...     'RPReLU'}))[1].config
        {'model.backbone.act_cfg.type': 'RPReLU'}
    """
    if given is None:
        return None, Change()
    line = partial(method_line, label)
    if not isinstance(given, Mapping):
        word = given if isinstance(given, str) else 'ste'
        raise ValueError(
            f'method {label!r}: {given!r} is no dict. Write {line(dict(method=word))}.'
        )
    meant = misspelt(given, (*KEYS, *signature(BinaryPolicy).parameters, 'type'))
    if meant:
        right = {meant.get(key, key): value for key, value in given.items()}
        raise ValueError(
            f'method {label!r}: unknown {", ".join(map(repr, meant))}. Write {line(right)}.'
        )
    check_places(label, given)
    own = {key: given[key] for key in KEYS if key in given}
    policy: Optional[dict] = {key: value for key, value in given.items() if key not in KEYS}
    if own and ('method' in own) == bool(policy):
        right = dict(policy, **own)
        right.pop('method', None)  # what the policy says in full
        raise ValueError(
            f'method {label!r} needs either method=, a name of the list, or a policy such as '
            f'layer=dict(surge=None). Write '
            f'{line(right if policy else dict(method="ste", **own))}.'
        )
    _check_config(label, given.get('config', {}))
    _check_policy(label, policy)
    if 'method' in own:
        policy = listed_method(own['method']).policy()
    check_losses(label, given)
    check_teacher(label, given)
    return policy, Change(
        config=dict(own.get('config', {})),
        teacher=own.get('teacher'),
        distillation=tuple(own.get('distillation', ())),
        inherit=_parts(label, own.get('inherit', ())),
        losses=tuple(own.get('losses', ())),
    )


def _check_config(label: str, config: object) -> None:
    """Overrides have the names of options."""
    if not isinstance(config, Mapping) or not all(isinstance(key, str) for key in config):
        act = config if isinstance(config, str) and config.isidentifier() else 'RPReLU'
        raise ValueError(
            f'method {label!r}: config={config!r} is no dict of option to value. '
            f"Write config={{'model.backbone.act_cfg.type': {act!r}}}."
        )


def _check_policy(label: str, policy: Mapping) -> None:
    layer = {} if policy.get('layer') is None else policy['layer']
    if not isinstance(layer, Mapping):
        right = dict(layer=dict(surge=None)) if known_label(layer) is None else dict(method=layer)
        raise ValueError(
            f'method {label!r}: layer={layer!r} is no dict. Write {method_line(label, right)}.'
        )
    if str(policy.get('type', 'BinaryPolicy')).rpartition('.')[2] != 'BinaryPolicy':
        return  # of the user's own class, which building it judges
    known = list(signature(BinaryPolicy).parameters)
    for key in policy:
        if key not in ('type', *known):
            right = method_line(label, corrected(policy, known))
            raise unknown(f'method {label!r}: key', key, (*KEYS, *known), braced(right))
    try:
        BinaryPolicy(**{key: value for key, value in policy.items() if key != 'type'})
        surge = layer.get('surge')
        SurgeConfig.parse({} if surge is None else surge)
    except (TypeError, ValueError) as error:
        # In a plan the label stands where a config has the word policy.
        told = re.sub(r'Write policy=(.*)\.$', rf'Write {{{label!r}: \1}}.', str(error))
        raise ValueError(f'method {label!r}: {told}') from error


def _parts(label: str, parts: Sequence) -> tuple:
    try:
        return check_parts(parts)
    except TypeError as error:
        raise ValueError(f'method {label!r}: {error}') from error
