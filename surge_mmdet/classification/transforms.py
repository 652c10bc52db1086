"""The three image transforms that mmcv does not have."""

import math

import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement

from ..registry import TRANSFORMS

META_KEYS = ('sample_idx', 'img_path', 'ori_shape', 'img_shape')


@TRANSFORMS.register_module()
class RandomResizedCrop(BaseTransform):
    """A random part of the image, resized to a square.

    From "Going Deeper with Convolutions" (Szegedy et al., CVPR 2015),
    section 6. An image in which no drawn shape fits gives as much of its
    middle as the aspect ratios allow.

    Args:
        scale (int): Side of the result in pixels.
        crop_ratio_range (tuple): Smallest and largest share of the area.
        aspect_ratio_range (tuple): Smallest and largest width / height.
    """

    attempts = 10

    def __init__(
        self,
        scale: int,
        crop_ratio_range: tuple = (0.08, 1.0),
        aspect_ratio_range: tuple = (3 / 4, 4 / 3),
    ) -> None:
        self.scale = scale
        self.crop_ratio_range = crop_ratio_range
        self.aspect_ratio_range = aspect_ratio_range

    def random_box(self, height: int, width: int) -> tuple:
        """(x, y, width, height) inside an image of that size, in pixels."""
        for _ in range(self.attempts):
            area = height * width * np.random.uniform(*self.crop_ratio_range)
            ratio = math.exp(np.random.uniform(*np.log(self.aspect_ratio_range)))
            w = round(math.sqrt(area * ratio))
            h = round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                y = np.random.randint(height - h + 1)
                return np.random.randint(width - w + 1), y, w, h
        narrow, wide = self.aspect_ratio_range
        w = min(width, round(height * wide))
        h = min(height, round(width / narrow))
        return (width - w) // 2, (height - h) // 2, w, h

    def transform(self, results: dict) -> dict:
        """Replace ``img`` and ``img_shape``."""
        image = results['img']
        x, y, w, h = self.random_box(*image.shape[:2])
        results['img'] = mmcv.imresize(image[y : y + h, x : x + w], (self.scale, self.scale))
        results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class ResizeEdge(BaseTransform):
    """Resizes so that the shorter side has a given length.

    Args:
        scale (int): Length of the shorter side in pixels.
    """

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def transform(self, results: dict) -> dict:
        """Replace ``img`` and ``img_shape``."""
        height, width = results['img'].shape[:2]
        short = min(height, width)
        size = (width * self.scale // short, height * self.scale // short)
        results['img'] = mmcv.imresize(results['img'], size)
        results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class PackInputs(BaseTransform):
    """``img`` (H, W, 3) to ``inputs`` (3, H, W), the rest to a sample."""

    def transform(self, results: dict) -> dict:
        """``dict(inputs, data_samples)`` as the model takes them."""
        image = np.ascontiguousarray(results['img'].transpose(2, 0, 1))
        meta = {k: results[k] for k in META_KEYS if k in results}
        sample = BaseDataElement(metainfo=meta, gt_label=results['gt_label'])
        return dict(inputs=torch.from_numpy(image), data_samples=sample)
