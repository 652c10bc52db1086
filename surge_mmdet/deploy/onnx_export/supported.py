"""Which detectors have a form in ONNX; the rest is refused with the name of the layer."""

from torch import nn

from .boxes import Suppression
from .dense import DenseHead
from .two_stage import check_second_stage

ONE_STAGE = ('SSDHead', 'BinarySSDHead', 'RetinaHead', 'FCOSHead', 'YOLOXHead')
RPN = ('RPNHead', 'BinaryRPNHead')
# Modules of plain PyTorch operators; mmcv.ops are compiled functions, which no exporter knows.
ROOMS = ('torch.nn.', 'mmcv.cnn.', 'mmdet.', 'mmengine.', 'surge_mmdet.')


def dense_head_name(model: nn.Module) -> str:
    """``rpn_head`` or ``bbox_head``."""
    return 'rpn_head' if hasattr(model, 'rpn_head') else 'bbox_head'


def rules(model: nn.Module) -> tuple:
    """What is kept of the boxes of the dense head, and of a second stage or None.

    Raises:
        ValueError: For another suppression than plain NMS.
    """
    cfg = model.test_cfg
    if dense_head_name(model) == 'rpn_head':
        both = ((cfg[stage], f'test_cfg.{stage}') for stage in ('rpn', 'rcnn'))
        return tuple(Suppression.of(*each) for each in both)
    rule = Suppression.of(cfg, 'test_cfg')
    if type(model.bbox_head).__name__ == 'YOLOXHead':
        rule = rule._replace(most=-1, smallest=-1)  # mmdet's YOLOX looks at neither
    return rule, None


def check_supported(model: nn.Module, kept: dict) -> None:
    """Refuse a detector that cannot be exported.

    Args:
        model (nn.Module): Of :func:`load.packed_structure`.
        kept (dict[str, str]): Binary layers that are not packed, and why.

    Raises:
        ValueError: With the name of the layer.
    """
    for name, reason in kept.items():
        raise ValueError(f'{name} cannot be exported: {reason}')
    name = dense_head_name(model)
    head, known = getattr(model, name, None), RPN if name == 'rpn_head' else ONE_STAGE
    if type(head).__name__ not in known:
        raise ValueError(
            f'{name}, {type(head).__name__}, cannot be exported. Exported are Faster R-CNN '
            f'and one-stage detectors with one of {", ".join(ONE_STAGE)}'
        )
    if name == 'rpn_head':
        if not head.use_sigmoid_cls:
            raise ValueError(
                'rpn_head with softmax scores cannot be exported. Write '
                "loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True) and train again"
            )
        check_second_stage(model)
    rules(model)
    DenseHead(head, name, head.test_cfg)
    for name, module in model.named_modules():
        room = f'{type(module).__module__}.'
        if not room.startswith(ROOMS) and 'roi_extractor' not in name:
            raise ValueError(
                f'{name}, {type(module).__name__} of {room[:-1]}, cannot be exported: it has no '
                'standard ONNX operators'
            )
