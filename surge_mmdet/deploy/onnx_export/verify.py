"""An exported file held against the packed detector it was made of, image by image."""

from collections.abc import Callable, Sequence
from typing import Optional

import mmcv
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import nn

from ...onnx_detector import OnnxDetector
from ...onnx_detector.file import text_hash
from ..agreement import match
from ..config_text import from_text
from ..format import PackedFile
from ..load import build_detector, fill_packed
from ..packed_layers import PackedLayer
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
        FileNotFoundError, ValueError: As :func:`verify.verify` of packed files,
            and if the file was exported from another detector.
    """
    paths, numbers = check_images(images, ann)
    exported = OnnxDetector(path, torch.get_num_threads(), classes=content.dataset_meta['classes'])
    if exported.metadata['config_sha256'] != text_hash(content.config):
        raise ValueError(
            f'{path} is another model: it was exported from another config. Name the checkpoint '
            'it was made of, or export it again'
        )
    packed = packed_detector(content)
    return compared(packed, packed_detections(packed, paths), exported, paths, numbers, ann)


def compared(
    packed: nn.Module,
    want: Sequence,
    exported: Callable,
    paths: Sequence,
    numbers: Optional[Sequence] = None,
    ann: Optional[str] = None,
) -> Verified:
    """Hold a detector outside of PyTorch against what the packed one found.

    Args:
        packed (nn.Module): Of :func:`packed_detector`.
        want (Sequence): Of :func:`packed_detections`, of these images.
        exported (Callable): From an array (H, W, 3) to a dict, as :class:`OnnxDetector`.
        paths (Sequence): Of the images.
        numbers (Sequence | None): Their ids in ``ann``.
        ann (str | None): Ground truth in COCO format.
    """
    got = [as_instances(exported(_read(path))) for path in paths]
    pairs = [match(*each) for each in zip(want, got, strict=True)]
    iou, difference = torch.cat([one.pairs for one in pairs]).unbind(1)
    precisions = [average_precision(packed, each, numbers, ann) for each in (want, got) if ann]
    return Verified(
        images=len(paths),
        found=tuple(sum(one.found[i] for one in pairs) for i in (0, 1)),
        matched=len(iou),
        iou=iou.mean().item(),
        score_difference=difference.mean().item(),
        ap=tuple(each[0] for each in precisions),
        ap50=tuple(each[1] for each in precisions),
        binary=any(isinstance(module, PackedLayer) for module in packed.modules()),
    )


def packed_detector(content: PackedFile):
    """As ``load_packed``, from what is in memory; real layers in float32 as in the file."""
    model = build_detector(Config(from_text(content.config, 'the packed detector')))
    fill_packed(model, content.tensors, 'the packed detector', 'float32')
    model.dataset_meta = content.dataset_meta
    return model


def packed_detections(packed: nn.Module, paths: Sequence) -> list:
    """``pred_instances`` of each image."""
    from mmdet.apis import inference_detector

    return [inference_detector(packed, _read(path)).pred_instances for path in paths]


def as_instances(found: dict) -> InstanceData:
    """The result of an :class:`OnnxDetector` as mmdet's."""
    return InstanceData(**{name: torch.from_numpy(value) for name, value in found.items()})


def _read(path):
    image = mmcv.imread(str(path))
    if image is None:
        raise ValueError(f'{path} is no image that OpenCV can read')
    return image
