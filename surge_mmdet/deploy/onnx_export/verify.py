"""An exported file held against the packed detector it was made of, image by image."""

from collections.abc import Sequence
from typing import Optional

import mmcv
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData

from ...onnx_detector import OnnxDetector
from ..agreement import match
from ..config_text import from_text
from ..format import PackedFile
from ..load import build_detector, fill_packed
from ..verify import average_precision, check_images
from .report import Verified


def verify(content: PackedFile, path, images: Sequence, ann: Optional[str] = None) -> Verified:
    """Compare detections of an ONNX file with those of its packed detector.

    Args:
        content (PackedFile): Of :func:`detector.packed_source`.
        path: Of the exported file.
        images (Sequence): Paths of images, or of folders of images.
        ann (str | None): Ground truth of the images in COCO format.

    Raises:
        FileNotFoundError, ValueError: As :func:`verify.verify` of packed files.
    """
    from mmdet.apis import inference_detector

    paths, numbers = check_images(images, ann)
    packed, exported = packed_detector(content), OnnxDetector(path, torch.get_num_threads())
    found: tuple = ([], [])
    for image in map(_read, paths):
        found[0].append(inference_detector(packed, image).pred_instances)
        found[1].append(as_instances(exported(image)))
    pairs = [match(*each) for each in zip(*found, strict=True)]
    iou, difference = torch.cat([one.pairs for one in pairs]).unbind(1)
    precisions = [average_precision(packed, each, numbers, ann) for each in found if ann]
    return Verified(
        images=len(paths),
        found=tuple(sum(one.found[i] for one in pairs) for i in (0, 1)),
        matched=len(iou),
        iou=iou.mean().item(),
        score_difference=difference.mean().item(),
        ap=tuple(each[0] for each in precisions),
        ap50=tuple(each[1] for each in precisions),
    )


def packed_detector(content: PackedFile):
    """As ``load_packed``, from what is in memory; real layers in float32 as in the file."""
    model = build_detector(Config(from_text(content.config, 'the packed detector')))
    fill_packed(model, content.tensors, 'the packed detector', 'float32')
    model.dataset_meta = content.dataset_meta
    return model


def as_instances(found: dict) -> InstanceData:
    """The result of an :class:`OnnxDetector` as mmdet's."""
    return InstanceData(**{name: torch.from_numpy(value) for name, value in found.items()})


def _read(path):
    image = mmcv.imread(str(path))
    if image is None:
        raise ValueError(f'{path} is no image that OpenCV can read')
    return image
