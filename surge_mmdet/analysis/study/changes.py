"""What a method of a plan is: a policy, and what it changes beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Optional

from ...convert import BinaryPolicy
from ...distill.inherit import check_parts
from ...errors import misspelt
from ...methods import find_method

KEYS = ('method', 'config', 'teacher', 'distillation', 'inherit')
PKD = [dict(type='surge_mmdet.PKD', weight=6.0)]


@dataclass(frozen=True)
class Change:
    """What a method changes in the config beside the policy of the layers.

    Args:
        config (dict): Overrides of the config, as ``--cfg-options``.
        teacher (str | None): Label of the method whose finished run of the
            same seed teaches it.
        distillation (tuple): Losses towards the teacher's maps.
        inherit (tuple): Parts that start from the teacher's weights.
    """

    config: dict = field(default_factory=dict)
    teacher: Optional[str] = None
    distillation: tuple = ()
    inherit: tuple = ()


def read_entry(label: str, given: Optional[Mapping]) -> tuple:
    """Policy and :class:`Change` of one own method of a plan.

    Args:
        label (str): The method's.
        given (Mapping | None): A policy, with any of ``config``, ``teacher``,
            ``distillation`` and ``inherit`` beside its keys; ``method`` names a
            policy of the list instead.

    Raises:
        ValueError: The text shows the corrected line.

    Examples:
        >>> read_entry('ReActNet', dict(method='rsign', config={'model.backbone.act_cfg.type':
        ...     'RPReLU'}))[1].config
        {'model.backbone.act_cfg.type': 'RPReLU'}
    """
    if given is None:
        return None, Change()
    meant = misspelt(given, (*KEYS, *signature(BinaryPolicy).parameters, 'type'))
    if meant:
        right = {meant.get(key, key): value for key, value in given.items()}
        raise ValueError(
            f'method {label!r}: unknown {", ".join(map(repr, meant))}. Write {_line(label, right)}.'
        )
    own = {key: given[key] for key in KEYS if key in given}
    policy: Optional[dict] = {key: value for key, value in given.items() if key not in KEYS}
    if own and ('method' in own) == bool(policy):
        right = dict(policy, **own)
        right.pop('method', None)  # what the policy says in full
        raise ValueError(
            f'method {label!r} needs either method=, a name of the list, or a policy such as '
            f'layer=dict(surge=None). Write '
            f'{_line(label, right if policy else dict(method="ste", **own))}.'
        )
    if 'method' in own:
        policy = find_method(own['method']).policy()
    if ('teacher' in own) != bool(own.get('distillation')):
        right = {**given, 'teacher': own.get('teacher', 'fp32')}
        raise ValueError(
            f'method {label!r}: teacher and distillation belong together. '
            f'Write {_line(label, {**right, "distillation": own.get("distillation") or PKD})}.'
        )
    if 'inherit' in own and 'teacher' not in own:
        raise ValueError(
            f'method {label!r}: inherit names parts that start from the weights of a teacher. '
            f'Write {_line(label, dict(given, teacher="fp32", distillation=PKD))}.'
        )
    losses = own.get('distillation', ())
    if not isinstance(losses, (list, tuple)):
        raise ValueError(f'method {label!r}: write distillation=[{losses!r}].')
    return policy, Change(
        config=dict(own.get('config', {})),
        teacher=own.get('teacher'),
        distillation=tuple(losses),
        inherit=_parts(label, own.get('inherit', ())),
    )


def _line(label: str, given: Mapping) -> str:
    """A method as its plan would have it."""
    inside = ', '.join(f'{key}={value!r}' for key, value in given.items())
    return f'{{{label!r}: dict({inside})}}'


def _parts(label: str, parts: Sequence) -> tuple:
    try:
        return check_parts(parts)
    except TypeError as error:
        raise ValueError(f'method {label!r}: {error}') from error
