"""The region proposals of packed detectors: predictions inside the convolution, few candidates."""

import torch
from mmdet.models.dense_heads import RPNHead
from torch import Tensor, nn

from ...kernels import bands
from ...models import BinaryRPNHead
from ..packed_layers import PackedConv2d
from .blocks import Fused, reads_signs, signs_of, to_nhwc
from .fpn import PackedFPN


class FewCandidates(RPNHead):
    """mmdet's ``RPNHead`` that takes the ``nms_pre`` best anchors of a level without a sort.

    The same proposals: mmdet sorts all scores of a level to take the first
    ones; here they are found without their order, which suppression makes.
    """

    @classmethod
    def of(cls, head: RPNHead) -> 'FewCandidates':
        """The same head."""
        twin = cls.__new__(cls)
        twin.__dict__.update(head.__dict__)
        return twin

    @staticmethod
    def fits(head: nn.Module) -> bool:
        """Whether its scores are sigmoids of one class."""
        return type(head) is RPNHead and head.use_sigmoid_cls and head.cls_out_channels == 1

    def _predict_by_feat_single(
        self, cls_score_list, bbox_pred_list, score_factor_list, mlvl_priors, *args, **kwargs
    ):
        cfg = kwargs.get('cfg') or self.test_cfg
        levels = zip(cls_score_list, bbox_pred_list, mlvl_priors, strict=True)
        best = [best_of_level(*level, cfg.get('nms_pre', -1)) for level in levels]
        scores, offsets, priors = zip(*best, strict=True)
        return super()._predict_by_feat_single(
            list(scores), list(offsets), score_factor_list, list(priors), *args, **kwargs
        )


def best_of_level(logits: Tensor, offsets: Tensor, priors: Tensor, count: int) -> tuple:
    """The ``count`` anchors of a level with the highest scores, in the order of the level.

    Where scores are equal the first ones are taken, as a stable sort does.

    Args:
        logits (Tensor): (A, H, W).
        offsets (Tensor): (4 A, H, W).
        priors (Tensor): (H * W * A, 4).
        count (int): 0 or less for all.

    Returns:
        tuple: (1, K, 1), (4, K, 1) and (K, 4), or what was given if there are
        no more.
    """
    flat = logits.permute(1, 2, 0).reshape(-1)
    if not 0 < count < len(flat):
        return logits, offsets, priors
    scores = flat.sigmoid()  # rounding makes some equal
    last = scores.topk(count)[0][-1]
    if last.isnan():
        return logits, offsets, priors
    better, equal = ~(scores <= last), scores == last
    equal &= equal.cumsum(0) <= count - better.sum()
    chosen = (better | equal).nonzero().squeeze(1)
    rows = offsets.permute(1, 2, 0).reshape(-1, 4)[chosen]
    return flat[chosen][None, :, None], rows.t()[:, :, None], priors[chosen]


class PackedRPNHead(FewCandidates, BinaryRPNHead):
    """:class:`BinaryRPNHead` whose 3x3 convolution gives scores and offsets, not its map."""

    @classmethod
    def of(cls, head: BinaryRPNHead) -> 'PackedRPNHead':
        """The same head, its convolution fused with what follows it."""
        twin = super().of(head)
        twin.fused = Fused(head.rpn_conv, nn.ReLU())
        weights = [part.weight.flatten(1) for part in (head.rpn_cls, head.rpn_reg)]
        biases = [part.bias for part in (head.rpn_cls, head.rpn_reg)]
        twin._linear = bands.projection(torch.cat(weights), torch.cat(biases))
        return twin

    @staticmethod
    def fits(head: nn.Module) -> bool:
        """Whether the convolution is packed, its norm folded, and the predictions are real."""
        return (
            type(head) is BinaryRPNHead
            and isinstance(head.rpn_conv, PackedConv2d)
            and reads_signs(head.rpn_conv)
            and isinstance(head.rpn_norm, nn.Identity)
            and all(
                type(part) is nn.Conv2d and part.bias is not None
                for part in (head.rpn_cls, head.rpn_reg)
            )
            and head.use_sigmoid_cls
            and head.cls_out_channels == 1
        )

    def forward_single(self, x: Tensor) -> tuple:
        """Scores and box offsets of one level."""
        conv = self.fused.conv
        bits, x = signs_of(x, conv), to_nhwc(x)
        same = conv.layer.channels == conv.layer.outputs and conv.layer.stride == (1, 1)
        e = self.fused.epilogue(x if same else None)
        both = bands.binary_conv_project(bits, conv.weight(), e, self._linear)
        return tuple(
            part.contiguous().permute(0, 3, 1, 2)
            for part in both.split([self.rpn_cls.out_channels, self.rpn_reg.out_channels], -1)
        )


def hand_signs_on(detector: nn.Module) -> None:
    """Let the pyramid of ``detector`` pack the signs that its RPN head reads."""
    neck, head = getattr(detector, 'neck', None), getattr(detector, 'rpn_head', None)
    if isinstance(neck, PackedFPN) and isinstance(head, PackedRPNHead):
        neck.pack_signs_for(head.fused.conv)
