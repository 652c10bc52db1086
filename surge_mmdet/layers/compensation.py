"""What a binary layer needs for SURGE: W_a, AGS, and their life cycle."""

from typing import Optional

import torch
from torch import Tensor, nn

from ..surge import (
    AdaptiveGradientScaler,
    ScalerVariant,
    like_weight,
    make_branch,
)
from .surge_options import check_options

# Names in a state_dict that inference does not need.
TRAINING_ONLY = ('aux_weight', 'ags.statistics', 'ags.running')


class CompensatedLayer:
    """Mixin of binary layers: ``aux_weight`` and ``ags`` beside ``weight``.

    ``aux_weight`` only matters while training: it is not needed to load a
    checkpoint (a fine-tuning starts from a fresh one) and is ignored by a
    layer built with ``surge=None``. The branch ``tied`` has none.
    """

    def _init_surge(self, surge: Optional[dict]) -> None:
        self.register_parameter('aux_weight', None)
        self.ags, self.branch, self._aux_init = None, None, None
        self._aux_pending = False
        if surge is None:
            return
        options = check_options(surge)
        self._aux_init, self.branch_name = options.init, options.branch
        self.branch, shape = make_branch(
            options.branch, self, self.op, scaled=options.scaled, dtype=options.dtype
        )
        kind = ScalerVariant if options.variant else AdaptiveGradientScaler
        self.ags = kind(**options.scaler).to(self.weight.device)
        if options.branch != 'tied':
            self.aux_weight = nn.Parameter(self.weight.new_empty(shape))
            self._aux_pending = True
            self.reset_aux_weight()

    @property
    def compensated(self) -> bool:
        """Whether this layer trains with SURGE."""
        return self.ags is not None

    def auxiliary(self) -> Optional[Tensor]:
        """W_a, the latent weight itself if tied, None without SURGE."""
        tied = self.compensated and self.aux_weight is None
        return self.weight.detach() if tied else self.aux_weight

    @torch.no_grad()
    def reset_aux_weight(self) -> None:
        """Initialise W_a by the option ``init``."""
        if self.aux_weight is None:
            return
        if self._aux_init == 'copy':
            self.aux_weight.copy_(like_weight(self.branch_name, self.weight, self.aux_weight.shape))
        elif self._aux_init == 'zeros':
            self.aux_weight.zero_()
        else:
            nn.init.kaiming_normal_(self.aux_weight, mode='fan_out')

    def start_aux_weight(self) -> None:
        """Before the first training step: follow what became of ``weight``.

        The latent weight may have been initialised again, or loaded from a
        real-valued checkpoint, after this layer was built.
        """
        if self._aux_pending:
            if self._aux_init == 'copy':
                self.reset_aux_weight()
            self._aux_pending = False

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        own = [prefix + name for name in TRAINING_ONLY]
        if self.aux_weight is None:
            unexpected_keys[:] = [k for k in unexpected_keys if k not in own]
        elif own[0] in state_dict:
            self._aux_pending = False
        else:
            missing_keys[:] = [k for k in missing_keys if k != own[0]]
            self._aux_pending |= prefix + 'weight' in state_dict
