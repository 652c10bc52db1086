"""SSD head: predictions real or binary, anchors checked against the input."""

from typing import Optional

from mmdet.models.dense_heads.ssd_head import SSDHead

from ...convert import binarize
from ...registry import MODELS


@MODELS.register_module()
class BinarySSDHead(SSDHead):
    """mmdet's SSDHead with a policy and a check of the input size.

    Args:
        policy (dict | None): None (default) keeps the 3x3 predictions real,
            as the published code does; a policy makes them binary, see
            :class:`~surge_mmdet.convert.BinaryPolicy`.
        **kwargs: As mmdet's ``SSDHead``.

    Raises:
        ValueError: If the images are not of the size the anchors are made
            for, or the policy cannot apply.
    """

    def __init__(self, *args, policy: Optional[dict] = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # mmdet 3.3 and onedl 3.5 ask for it in predict, but SSDHead has none
        # (open-mmlab/mmdetection issue 11063).
        self.loss_cls = None
        binarize(self, policy)

    def loss_by_feat(
        self,
        cls_scores,
        bbox_preds,
        batch_gt_instances,
        batch_img_metas,
        batch_gt_instances_ignore=None,
    ) -> dict:
        """As mmdet's, after the check of the input size."""
        self._check_input(batch_img_metas)
        return super().loss_by_feat(
            cls_scores, bbox_preds, batch_gt_instances, batch_img_metas, batch_gt_instances_ignore
        )

    def predict_by_feat(self, *args, batch_img_metas=None, **kwargs) -> list:
        """As mmdet's, after the check of the input size."""
        self._check_input(batch_img_metas)
        return super().predict_by_feat(*args, batch_img_metas=batch_img_metas, **kwargs)

    def _check_input(self, batch_img_metas: Optional[list]) -> None:
        size = getattr(self.prior_generator, 'input_size', None)
        if size is None or not batch_img_metas:
            return
        shape = tuple(batch_img_metas[0].get('batch_input_shape', (size, size)))
        if shape != (size, size):
            raise ValueError(
                f'SSD: the anchors are made for input_size={size}, but the '
                f'images are {shape[1]}x{shape[0]}. Write dict(type='
                f"'Resize', scale=({size}, {size}), keep_ratio=False) in "
                'train_pipeline and test_pipeline, or the anchor_generator '
                'of your input size.'
            )
