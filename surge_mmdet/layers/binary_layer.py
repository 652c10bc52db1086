"""What the binary convolution and the binary linear layer have in common."""

from abc import abstractmethod
from typing import Any, Optional, TypeVar

import torch
from torch import Tensor, nn

from ..binarizers import (
    ActivationBinarizer,
    Binarizer,
    WeightBinarizer,
    build_activation,
    build_weight_rule,
)
from ..kernels.sign_conv import kernels_run
from ..methods import STRENGTH
from ..registry import BRANCHES, COMBINATIONS, SCALERS
from ..surge import (
    AdaptiveGradientScaler,
    Branch,
    ConvOp,
    LinearOp,
    Paths,
    SurgeConfig,
    dpgc,
    sign_product,
)
from .first_rank import take_from_first_rank

DEFAULT_ACTIVATION = dict(type='SignSTE')
DEFAULT_WEIGHT_RULE = dict(type='ChannelMean')
DEFAULT_SURGE = dict(eta=STRENGTH)
Layer = TypeVar('Layer', bound='BinaryLayer')
BINARIZERS = ('activation', 'weight_rule')  # the attributes that hold one
# Names in a state_dict that inference does not need.
TRAINING_ONLY = (
    'aux_weight',
    'ags.statistics',
    'ags.running',
    'activation.progress',
    'weight_rule.progress',
    'weight_rule.signs',  # OvSW
    'weight_rule.tracker',
    'weight_rule.kept',  # RBONN
    'weight_rule.backtrack',
)


class BinaryLayer(nn.Module):
    """Base beside ``nn.Conv2d`` or ``nn.Linear``: ``y = op(Q(x), Q(W_b)) + bias``.

    In training the gradient is that of SURGE (arXiv 2605.10989): ``aux_weight``
    is its W_a, ``ags`` its scaler. W_a only matters while training: it is not
    needed to load a checkpoint (a fine-tuning starts from a fresh one) and is
    ignored by a layer built with ``surge=None``.

    Attributes:
        activation (ActivationBinarizer): Q of the input.
        weight_rule (WeightBinarizer): Q of the latent weight.
        ags (AdaptiveGradientScaler | None): None without SURGE.
        aux_weight (Parameter | None): None without SURGE, or tied.
        options (dict): What the layer was built with: ``activation``,
            ``weight_rule`` and ``surge``.
    """

    weight: Tensor
    bias: Any  # a Parameter or None; PyTorch's classes disagree
    activation: ActivationBinarizer
    weight_rule: WeightBinarizer
    aux_weight: Optional[nn.Parameter]
    surge: Optional[SurgeConfig]
    ags: Optional[AdaptiveGradientScaler]
    branch: Optional[Branch]

    def _init_binary(
        self,
        op: ConvOp | LinearOp,
        activation: dict,
        weight_rule: dict,
        surge: Optional[dict],
        weight_scale: Optional[dict],
    ) -> None:
        weight_rule = _renamed(weight_rule, weight_scale)
        self.options = dict(activation=activation, weight_rule=weight_rule, surge=surge)
        in_channels = self.weight.shape[1]
        self.op = op
        self.activation = build_activation(activation, in_channels * op.groups)
        self.weight_rule = build_weight_rule(weight_rule, self.weight.shape)
        # What still has to follow the weight, or the first batch.
        self._unstarted = {n for n in BINARIZERS if _starts(getattr(self, n))}
        self._init_surge(surge)

    def _init_surge(self, surge: Optional[dict]) -> None:
        self.register_parameter('aux_weight', None)
        self.surge, self.ags, self.branch = None, None, None
        if surge is None:
            return
        config = self.surge = SurgeConfig.parse(surge)
        self.branch = BRANCHES.get(config.branch)(
            self.op, self.weight.shape, config.torch_dtype, config.scaled
        )
        scaler = SCALERS.get(config.mode)(config, COMBINATIONS.get(config.combine))
        self.ags = scaler.to(self.weight.device)
        if self.branch.own_weight:
            self.aux_weight = nn.Parameter(self.weight.new_empty(self.branch.shape))
            self._unstarted.add('aux_weight')
            self.reset_aux_weight()

    def forward(self, x: Tensor) -> Tensor:
        """``op(Q(x), Q(W_b)) + bias``; with SURGE's gradient in training."""
        with_grad = torch.is_grad_enabled()
        on_kernels = kernels_run(x, self.weight, self.op.filter(self.weight))
        if self.training and with_grad:
            self.start(x)
            paths = Paths(self.op, self.activation, self.ags, self.branch)
            weight, scale = self._operand(on_kernels)
            return dpgc(x, weight, self.auxiliary(), self.bias, paths, scale)
        self._start_rule()  # for now: the weight may still change
        weight, scale = self._operand(not with_grad and (on_kernels or not self.training))
        if scale is not None:
            return sign_product(self.op, self.activation.transform(x), weight, scale, self.bias)
        return self.op.forward(self.activation(x), weight, self.bias)

    def _operand(self, as_signs: bool) -> tuple:
        """Q(W_b) and None, or what its signs are taken of and their scale (outputs, )."""
        rule = self.weight_rule
        if as_signs and self.is_product_of_signs:
            latent = rule.latent(self.weight)
            scale = _per_output(rule.scale(latent.detach()), latent)
            if scale is not None:
                return latent, scale
        return rule(self.weight), None

    @property
    def is_product_of_signs(self) -> bool:
        """Whether the layer is ``scale * op(sign(x - t), sign(W))``, up to the scale's shape."""
        signs = self.activation.takes_signs and self.weight_rule.takes_signs
        return signs and 'scale' not in self.activation.own_parts

    @property
    def compensated(self) -> bool:
        """Whether this layer trains with SURGE."""
        return self.ags is not None

    @property
    def fully_binary(self) -> bool:
        """Whether weights and activations take 1 bit at inference."""
        return self.weight_rule.bits == self.activation.bits == 1

    def auxiliary(self) -> Optional[Tensor]:
        """W_a, the rule's real weight if tied, None without SURGE."""
        tied = self.compensated and self.aux_weight is None
        return self.weight_rule.real_twin(self.weight) if tied else self.aux_weight

    def binary_weight(self) -> tuple:
        """Signs in {-1, +1} (the weight's shape) and the scale alpha."""
        return self.weight_rule.decompose(self.weight)

    @torch.no_grad()
    def reset_aux_weight(self) -> None:
        """Initialise W_a by the option ``init``."""
        if self.aux_weight is None or self.surge is None or self.branch is None:
            return
        if self.surge.init == 'copy':
            real = self.weight_rule.real_twin(self.weight)
            self.aux_weight.copy_(self.branch.initial(real))
        elif self.surge.init == 'zeros':
            self.aux_weight.zero_()
        else:
            nn.init.kaiming_normal_(self.aux_weight, mode='fan_out')

    @torch.no_grad()
    def start(self, x: Optional[Tensor] = None) -> None:
        """Before the first training step: follow what became of ``weight``.

        The latent weight may have been initialised again, or loaded from a
        real-valued checkpoint, after this layer was built.

        Args:
            x (Tensor | None): The first batch, for activations that start
                from it; None leaves that to the first forward.
        """
        if not self._unstarted:
            return
        self._start_rule()
        self._unstarted.discard('weight_rule')
        if 'aux_weight' in self._unstarted and self.surge and self.surge.init == 'copy':
            self.reset_aux_weight()
        self._unstarted.discard('aux_weight')
        if 'activation' in self._unstarted and x is not None:
            if x.numel():
                self.activation.start(x)
            if take_from_first_rank(self.activation, x):
                self._unstarted.discard('activation')

    @torch.no_grad()
    def _start_rule(self) -> None:
        if 'weight_rule' in self._unstarted:
            self.weight_rule.start(self.weight)

    @classmethod
    @abstractmethod
    def from_float(cls: type[Layer], real: Any, **options) -> Layer:
        """Binary twin of a real layer that shares its Parameters.

        Args:
            real (nn.Module): The real layer.
            **options: ``activation``, ``weight_rule`` and ``surge``.
        """

    def twin(self: Layer, **options) -> Layer:
        """The same layer with other options, sharing its Parameters.

        Args:
            **options: Of ``activation``, ``weight_rule`` and ``surge`` those
                that change; what they replace starts afresh.
        """
        if 'weight_scale' in options:
            options['weight_rule'] = options.pop('weight_scale')
        twin = type(self).from_float(self, **{**self.options, **options})
        for name in BINARIZERS:
            if name not in options:
                setattr(twin, name, getattr(self, name))
                twin._unstarted -= {name} - self._unstarted
        if 'surge' not in options:
            twin.aux_weight = self.aux_weight
            twin._unstarted -= {'aux_weight'} - self._unstarted
        return twin

    def _share(self: Layer, real: Any) -> Layer:
        """Take over the Parameters and the mode of the ``real`` layer."""
        self.weight, self.bias = real.weight, real.bias
        self.reset_aux_weight()
        return self.train(real.training)

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        held = dict([*self.named_parameters(), *self.named_buffers()])
        others = [prefix + name for name in TRAINING_ONLY if name not in held]
        unexpected_keys[:] = [key for key in unexpected_keys if key not in others]
        own = [prefix + name for name in TRAINING_ONLY]
        missing_keys[:] = [key for key in missing_keys if key not in own]
        for name in (*BINARIZERS, 'aux_weight'):
            part = getattr(self, name)
            if any(key.startswith(prefix + name) for key in state_dict):
                self._unstarted.discard(name)
            elif f'{prefix}weight' in state_dict and part is not None:
                self._unstarted |= {name} if name == 'aux_weight' or _starts(part) else set()

    def extra_repr(self) -> str:
        return super().extra_repr() + ('' if self.compensated else ', surge=None')


def _renamed(weight_rule: dict, weight_scale: Optional[dict]) -> dict:
    """``weight_scale`` is what release 0.2 called ``weight_rule``."""
    if weight_scale is None:
        return weight_rule
    if weight_rule != DEFAULT_WEIGHT_RULE:
        raise ValueError(
            'weight_scale is the old name of weight_rule, and both are given. Write '
            f'weight_rule={weight_rule} alone.'
        )
    return weight_scale


def _per_output(scale: Optional[Tensor], weight: Tensor) -> Optional[Tensor]:
    """The scale as (outputs, ), None if it has another shape."""
    outputs = len(weight)
    if scale is None:
        return weight.new_ones(outputs)
    if scale.numel() == 1:
        return scale.detach().expand(weight.shape[:1]).contiguous()
    fits = scale.shape == (outputs, *[1] * (weight.dim() - 1))
    return scale.detach().flatten() if fits else None


def _starts(binarizer: Binarizer) -> bool:
    """Whether it takes something from the first values it sees."""
    return type(binarizer).start is not Binarizer.start
