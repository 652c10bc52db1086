"""Exported files of tiny detectors, and what ONNX Runtime finds inside of them."""

import onnx
import onnxruntime
import torch
from deploy.packing import CONFIGS, class_count, config, detector
from mmengine.config import Config

from surge_mmdet.deploy.load import packed_structure
from surge_mmdet.deploy.publish import packed_content
from surge_mmdet.layers import BinaryLayer


def content(kind: str, real: str = 'float16', **changes):
    """What the packed file of a tiny detector, or of a config, holds; its scores are spread."""
    cfg = Config.fromfile(CONFIGS / kind) if kind.endswith('.py') else config(kind, **changes)
    model = detector(cfg)
    binary = any(isinstance(module, BinaryLayer) for module in model.modules())
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        last = name.split('.')[-2]
        if kind.endswith('.py') and name.endswith('.bias') and not parameter.any():
            parameter.data.normal_(std=0.1)  # else a sum of no signs is 0, and each runtime's own
        if kind.endswith('.py') and 'bbox_head.cls_convs' in name:
            parameter.data.mul_(0.1)  # else softmax is 1 for many
        if last in ('rpn_cls', 'fc_cls', 'retina_cls', 'conv_cls') or 'conv_cls.' in name:
            if parameter.dim() > 1:
                # Features of real layers are larger: many regions would have a score of 1.
                spread = 2 if binary or last != 'rpn_cls' else 0.1
                parameter.data.normal_(std=spread / parameter[0].numel() ** 0.5)
            else:
                parameter.data.fill_(-1.0)
    model.cfg = cfg
    names = tuple(f'class {i}' for i in range(class_count(cfg)))
    model.dataset_meta = dict(classes=names, palette='random')
    packed_structure(model, real_too=True)
    return packed_content(model, real)


def values(path, image, wanted) -> list:
    """Outputs of a file and values inside of it.

    Args:
        path: Of the file.
        image (ndarray): Its input.
        wanted (Callable): Whether a node's first input is asked for.

    Returns:
        list: (dict of the outputs, list of the values in the order of the nodes).
    """
    model = onnx.load(path)
    names = list(dict.fromkeys(node.input[0] for node in model.graph.node if wanted(node)))
    for name in names:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    every = [output.name for output in session.get_outputs()]
    found = dict(zip(every, session.run(every, {'image': image}), strict=True))
    return [found, [torch.from_numpy(found[name]) for name in names]]
