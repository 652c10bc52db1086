"""A backbone, pooled, with a linear layer on top."""

from typing import Optional

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel, BaseModule, ImgDataPreprocessor
from torch import Tensor, nn

from ..registry import MODELS


@MODELS.register_module()
class ClsDataPreprocessor(ImgDataPreprocessor):
    """Stacks and normalises images; options as mmpretrain names them.

    Args:
        mean, std (Sequence[float]): Per channel, in the order of the network.
        to_rgb (bool): Whether to turn BGR images to RGB.
        num_classes (int): Not used; part of mmpretrain's configs.
    """

    def __init__(
        self, mean=None, std=None, to_rgb: bool = False, num_classes: Optional[int] = None
    ) -> None:
        super().__init__(mean=mean, std=std, bgr_to_rgb=to_rgb)


@MODELS.register_module()
class GlobalAveragePooling(nn.Module):
    """Each feature map (N, C, H, W) of a tuple to (N, C)."""

    def forward(self, inputs) -> tuple:
        inputs = (inputs,) if isinstance(inputs, Tensor) else inputs
        return tuple(x.mean((2, 3)) for x in inputs)


@MODELS.register_module()
class LinearClsHead(BaseModule):
    """Linear layer on the last feature vector, cross entropy loss.

    Args:
        num_classes (int): Classes of the data.
        in_channels (int): Channels of the backbone's last stage.
        init_cfg (dict): Initialisation of the layer.

    Raises:
        ValueError: If the backbone gives another number of channels.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        init_cfg: Optional[dict] = dict(type='Normal', layer='Linear', std=0.01),
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, feats: tuple) -> Tensor:
        """Class scores (N, num_classes) before softmax."""
        x = feats[-1]
        if x.size(1) != self.in_channels:
            raise ValueError(
                f'LinearClsHead: in_channels is {self.in_channels}, but the '
                f'backbone gives {x.size(1)} channels. Write '
                f'head=dict(in_channels={x.size(1)}).'
            )
        return self.fc(x)


@MODELS.register_module()
class ImageClassifier(BaseModel):
    """Classifier whose ``backbone.`` weights start a detector.

    Args:
        backbone (dict): Any backbone that returns a tuple of feature maps.
        neck (dict): ``GlobalAveragePooling``.
        head (dict): ``LinearClsHead``.
        data_preprocessor (dict): Options of :class:`ClsDataPreprocessor`.
        init_cfg (dict): Initialisation of the whole, see MMEngine.

    Shape:
        Inputs (N, 3, H, W) to scores (N, num_classes).

    Examples:
        >>> import torch
        >>> net = ImageClassifier(
        ...     backbone=dict(type='surge_mmdet.BinaryResNet', depth=18),
        ...     neck=dict(type='surge_mmdet.GlobalAveragePooling'),
        ...     head=dict(type='surge_mmdet.LinearClsHead', num_classes=5,
        ...               in_channels=512))
        >>> net(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        data_preprocessor: Optional[dict] = None,
        init_cfg: Optional[dict] = None,
    ) -> None:
        super().__init__(
            MODELS.build({'type': 'surge_mmdet.ClsDataPreprocessor', **(data_preprocessor or {})}),
            init_cfg,
        )
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.head = MODELS.build(head)

    def forward(self, inputs: Tensor, data_samples: Optional[list] = None, mode: str = 'tensor'):
        """Scores, ``dict(loss=...)``, or samples with ``pred_score``.

        Args:
            inputs (Tensor): (N, 3, H, W), normalised.
            data_samples (list): One with ``gt_label`` per image.
            mode (str): ``tensor``, ``loss`` or ``predict``.
        """
        scores = self.head(self.neck(self.backbone(inputs)))
        if mode == 'tensor':
            return scores
        if mode == 'loss':
            target = torch.tensor([s.gt_label for s in data_samples], device=scores.device)
            return dict(loss=F.cross_entropy(scores.float(), target))
        for sample, score in zip(data_samples, scores.softmax(1), strict=True):
            sample.pred_score = score
        return data_samples
