"""Every option of SURGE once: default, range, meaning, error."""

import math
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import NamedTuple, Optional

import torch

from ..errors import nearest
from ..methods import STRENGTH
from ..registry import BRANCHES, COMBINATIONS, SCALERS, Registry

PAPER, OURS = 'paper', 'ours'
# Release 0.2 had these; no measurement spoke for them.
RETIRED = ("combine='blind'", "combine='orthogonal'", 'per_channel=True')
GONE = 'was removed after 0.2, since no measurement spoke for it'


def _option(default, values, meaning: str, whose: str = PAPER):
    return field(default=default, metadata=dict(values=values, meaning=meaning, whose=whose))


class Option(NamedTuple):
    """One row of the options' table."""

    name: str
    default: object
    values: str
    meaning: str
    whose: str


@dataclass(frozen=True)
class SurgeConfig:
    """The options of ``surge=dict(...)``, checked.

    Whose an option is, the paper's (arXiv 2605.10989) or ours, and what it
    means, stands with each field; :meth:`options` lists them all.

    Raises:
        ValueError: For a value out of range; the text shows the corrected
            line.

    Examples:
        >>> SurgeConfig(eta=0.1).max_scale
        10.0
        >>> SurgeConfig.parse(dict(branch='tied')).branch
        'tied'
    """

    eta: float = _option(
        STRENGTH, 'finite, >= 0', 'strength of the auxiliary gradient; the paper does not state it'
    )
    max_scale: float = _option(10.0, '> 0', 'upper bound of lambda')
    init: str = _option(
        'copy',
        ('copy', 'kaiming', 'zeros'),
        'start of W_a; copy: of W_b, or of what its rule takes the sign of',
    )
    aux_grad: str = _option(
        'scaled',
        ('scaled', 'unscaled'),
        "whether lambda scales W_a's own gradient (the literal reading: yes)",
    )
    mode: str = _option(
        'batch',
        SCALERS,
        'how lambda follows the norms (running: 0 in the first step; needs AGSHook)',
        OURS,
    )
    momentum: float = _option(0.9, 'in [0, 1)', 'weight of the past in mode running', OURS)
    combine: str = _option(
        'sum',
        COMBINATIONS,
        'how g_b, g_a and lambda become one gradient',
        OURS,
    )
    branch: str = _option(
        'full',
        BRANCHES,
        'what the auxiliary weight W_a is',
        OURS,
    )
    dtype: Optional[str] = _option(
        None,
        (None, 'bfloat16', 'float16', 'float32'),
        "type the auxiliary gradients are computed in; None: the gradient's. bfloat16 is "
        'faster only on a device that multiplies matrices in it',
        OURS,
    )

    def __post_init__(self) -> None:
        for key, fits in (
            ('eta', _is_number(self.eta) and self.eta >= 0),
            ('max_scale', isinstance(self.max_scale, Real) and self.max_scale > 0),
            ('momentum', _is_number(self.momentum) and 0 <= self.momentum < 1),
        ):
            if not fits:
                right = _meant(getattr(self, key), _field(key).default)
                self._refuse(key, f'must be {_field(key).metadata["values"]}', right)
        for key in ('init', 'aux_grad', 'mode', 'combine', 'branch', 'dtype'):
            choices = _choices(key)
            if getattr(self, key) not in choices:
                right = nearest(getattr(self, key), choices)
                self._refuse(key, f'must be one of {choices}', right)
        if self.init == 'zeros' and self.scaled:
            raise ValueError(
                "surge: init='zeros' never starts with aux_grad='scaled', since lambda is 0 "
                "while W_a is 0. Write surge=dict(init='zeros', aux_grad='unscaled')."
            )

    def _refuse(self, key: str, rule: str, right) -> None:
        value = getattr(self, key)
        gone = f', which {GONE}' if f'{key}={value!r}' in RETIRED else ''
        raise ValueError(
            f'surge: {key} {rule}, got {value!r}{gone}. Write surge=dict({key}={right!r}).'
        )

    @property
    def scaled(self) -> bool:
        """Whether lambda scales the gradient of W_a."""
        return self.aux_grad == 'scaled'

    @property
    def torch_dtype(self) -> Optional[torch.dtype]:
        """``dtype`` as PyTorch has it."""
        return None if self.dtype is None else getattr(torch, self.dtype)

    @classmethod
    def parse(cls, surge: dict) -> 'SurgeConfig':
        """From the ``surge=dict(...)`` of a config.

        Raises:
            TypeError, ValueError: The text shows the corrected line.
        """
        if not isinstance(surge, dict):
            raise TypeError(
                f'surge must be a dict or None, got {surge!r}. Write surge=dict(eta={STRENGTH}), '
                'or surge=None for a plain binary layer.'
            )
        surge = dict(surge)
        if surge.get('per_channel') is False:  # the default of 0.2, now all there is
            surge.pop('per_channel')
        known = [each.name for each in fields(cls)]
        for key, value in surge.items():
            if key not in known:
                raise ValueError(_unknown(key, value, known))
        config = cls(**surge)
        if not BRANCHES.get(config.branch).own_weight and {'init', 'aux_grad'} & set(surge):
            raise ValueError(
                f'surge: branch={config.branch!r} has no W_a of its own, so init and aux_grad '
                f'have no effect. Write surge=dict(branch={config.branch!r}).'
            )
        return config

    @classmethod
    def options(cls) -> list:
        """An :class:`Option` per field, for the documentation."""
        rows = []
        for each in fields(cls):
            values = each.metadata['values']
            text = values if isinstance(values, str) else ', '.join(map(str, _choices(each.name)))
            meaning = '; '.join([each.metadata['meaning'], *_entries(values)])
            rows.append(Option(each.name, each.default, text, meaning, each.metadata['whose']))
        return rows


def _meant(value: object, default: float) -> float:
    """The number that a text such as ``'0.2'`` has; else the default."""
    try:
        number = float(value) if isinstance(value, str) else default
    except ValueError:
        return default
    return number if math.isfinite(number) and number >= 0 else default


def _is_number(value) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _field(key: str):
    return SurgeConfig.__dataclass_fields__[key]


def _choices(key: str) -> tuple:
    values = _field(key).metadata['values']
    if isinstance(values, Registry):
        values.import_from_location()
        return tuple(values.module_dict)
    return values


def _entries(values) -> list:
    """What each entry of a registry is: its name, and its docstring's first paragraph."""
    if not isinstance(values, Registry):
        return []
    values.import_from_location()
    found = []
    for name, entry in values.module_dict.items():
        first = ' '.join((entry.__doc__ or '').partition('\n\n')[0].split())
        found.append(f'{name}: {first.rstrip(".").replace("``", "`")}' if first else name)
    return found


def _unknown(key: str, value, known: list) -> str:
    if f'{key}={value!r}' in RETIRED:
        return f'surge: {key}={value!r} {GONE}. Remove {key} from surge=dict(...).'
    return (
        f'surge: unknown option {key!r}; known are {", ".join(known)}. Write '
        f'surge=dict({nearest(key, known)}={value!r}).'
    )
