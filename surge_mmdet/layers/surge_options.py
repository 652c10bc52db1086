"""The options of SURGE: known names, allowed values, what goes where."""

import inspect
from difflib import get_close_matches
from typing import NamedTuple, Optional

import torch

from ..surge import ScalerVariant
from ..surge.branch import BRANCHES

INITS = ('copy', 'kaiming', 'zeros')
AUX_GRADS = ('scaled', 'unscaled')
DTYPES = (None, 'bfloat16', 'float16', 'float32')
CHOICES = dict(init=INITS, aux_grad=AUX_GRADS, branch=BRANCHES, dtype=DTYPES)
SCALER = tuple(inspect.signature(ScalerVariant).parameters)
PAPER = ('eta', 'max_scale')


class SurgeOptions(NamedTuple):
    """Checked options, sorted by who takes them."""

    init: str
    scaled: bool
    branch: str
    dtype: Optional[torch.dtype]
    scaler: dict

    @property
    def variant(self) -> bool:
        """Whether an option of AGS goes beyond the paper."""
        return any(key not in PAPER for key in self.scaler)


def check_options(surge: dict) -> SurgeOptions:
    """Sort the options of ``surge=dict(...)``.

    Raises:
        TypeError, ValueError: The text shows the corrected line.
    """
    if not isinstance(surge, dict):
        raise TypeError(
            f'surge must be a dict or None, got {surge!r}. Write '
            'surge=dict(eta=0.3), or surge=None for a plain '
            'binary layer.'
        )
    for key, value in surge.items():
        if key not in (*CHOICES, *SCALER):
            known = (*SCALER, *CHOICES)
            raise ValueError(
                f'surge: unknown option {key!r}; known are '
                f'{", ".join(known)}. Write '
                f'surge=dict({_nearest(key, known)}={value!r}).'
            )
    for key, choices in CHOICES.items():
        value = surge.get(key, choices[0])
        if value not in choices:
            raise ValueError(
                f'surge: {key} must be one of {choices}, got '
                f'{value!r}. Write '
                f'surge=dict({key}={_nearest(value, choices)!r})'
                '.'
            )
    _check_start(surge)
    dtype = surge.get('dtype')
    return SurgeOptions(
        surge.get('init', 'copy'),
        surge.get('aux_grad', 'scaled') == 'scaled',
        surge.get('branch', 'full'),
        dtype and getattr(torch, dtype),
        {k: v for k, v in surge.items() if k in SCALER},
    )


def _nearest(word, choices: tuple):
    """The choice that was probably meant; the first if none is close."""
    words = [choice for choice in choices if isinstance(choice, str)]
    near = get_close_matches(str(word), words, 1, 0.5)
    return near[0] if near else choices[0]


def _check_start(surge: dict) -> None:
    if surge.get('init') == 'zeros' and surge.get('aux_grad', 'scaled') == 'scaled':
        raise ValueError(
            "surge: init='zeros' never starts with aux_grad='scaled', since "
            'lambda is 0 while W_a is 0. Write '
            "surge=dict(init='zeros', aux_grad='unscaled')."
        )
    if surge.get('branch') == 'tied' and {'init', 'aux_grad'} & set(surge):
        raise ValueError(
            "surge: branch='tied' has no W_a of its own, so init and "
            "aux_grad have no effect. Write surge=dict(branch='tied')."
        )
