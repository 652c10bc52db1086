"""What a binary layer needs for SURGE: W_a, AGS, and their life cycle."""
from typing import Optional

import torch
from torch import nn

from ..surge import AdaptiveGradientScaler

INITS = ('copy', 'kaiming', 'zeros')
AUX_GRADS = ('scaled', 'unscaled')
# Names in a state_dict that inference does not need.
TRAINING_ONLY = ('aux_weight', 'ags.statistics')
OPTIONS = ('eta', 'max_scale', 'init', 'aux_grad')


class CompensatedLayer:
    """Mixin of binary layers: ``aux_weight`` and ``ags`` beside ``weight``.

    ``aux_weight`` only matters while training: it is not needed to load a
    checkpoint (a fine-tuning starts from a fresh one) and is ignored by a
    layer built with ``surge=None``.
    """

    def _init_surge(self, surge: Optional[dict]) -> None:
        self.ags, self.scale_aux_grad, self._aux_init = None, True, None
        if surge is None:
            self.register_parameter('aux_weight', None)
            return
        surge = _check_options(surge)
        self._aux_init = surge.pop('init', 'copy')
        self.scale_aux_grad = surge.pop('aux_grad', 'scaled') == 'scaled'
        self.ags = AdaptiveGradientScaler(**surge).to(self.weight.device)
        self.aux_weight = nn.Parameter(torch.empty_like(self.weight))
        self._aux_pending = True
        self.reset_aux_weight()

    @property
    def compensated(self) -> bool:
        """Whether this layer trains with SURGE."""
        return self.aux_weight is not None

    @torch.no_grad()
    def reset_aux_weight(self) -> None:
        """Initialise W_a by the option ``init``."""
        if self._aux_init == 'copy':
            self.aux_weight.copy_(self.weight)
        elif self._aux_init == 'zeros':
            self.aux_weight.zero_()
        else:
            nn.init.kaiming_normal_(self.aux_weight, mode='fan_out')

    def start_aux_weight(self) -> None:
        """Before the first training step: follow what became of ``weight``.

        The latent weight may have been initialised again, or loaded from a
        real-valued checkpoint, after this layer was built.
        """
        if self.compensated and self._aux_pending:
            if self._aux_init == 'copy':
                self.reset_aux_weight()
            self._aux_pending = False

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict,
                              missing_keys, unexpected_keys, error_msgs):
        super()._load_from_state_dict(state_dict, prefix, local_metadata,
                                      strict, missing_keys, unexpected_keys,
                                      error_msgs)
        own = [prefix + name for name in TRAINING_ONLY]
        if not self.compensated:
            unexpected_keys[:] = [k for k in unexpected_keys if k not in own]
        elif own[0] in state_dict:
            self._aux_pending = False
        else:
            missing_keys[:] = [k for k in missing_keys if k != own[0]]
            self._aux_pending |= prefix + 'weight' in state_dict


def _check_options(surge: dict) -> dict:
    if not isinstance(surge, dict):
        raise TypeError(f'surge must be a dict or None, got {surge!r}. Write '
                        'surge=dict(eta=0.3), or surge=None for a plain '
                        'binary layer.')
    for key in surge:
        if key not in OPTIONS:
            raise ValueError(f'surge: unknown option {key!r}; known are '
                             f'{", ".join(OPTIONS)}. Write '
                             'surge=dict(eta=0.3).')
    for key, choices in (('init', INITS), ('aux_grad', AUX_GRADS)):
        if surge.get(key, choices[0]) not in choices:
            raise ValueError(f'surge: {key} must be one of {choices}, got '
                             f'{surge[key]!r}. Write '
                             f"surge=dict({key}='{choices[0]}').")
    if (surge.get('init') == 'zeros'
            and surge.get('aux_grad', 'scaled') == 'scaled'):
        raise ValueError(
            "surge: init='zeros' never starts with aux_grad='scaled', since "
            'lambda is 0 while W_a is 0. Write '
            "surge=dict(init='zeros', aux_grad='unscaled').")
    return dict(surge)
