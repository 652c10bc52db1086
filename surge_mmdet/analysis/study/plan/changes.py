"""What a method of a plan is: a policy, and what it changes beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Optional

from ....convert import BinaryPolicy
from ....distill.inherit import check_parts
from ....errors import misspelt
from .composed import listed_method
from .labels import method_line
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


def _parts(label: str, parts: Sequence) -> tuple:
    try:
        return check_parts(parts)
    except TypeError as error:
        raise ValueError(f'method {label!r}: {error}') from error
