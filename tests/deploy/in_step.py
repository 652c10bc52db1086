"""A packed detector that takes its signs from an exported file: none can flip in between.

With random weights one value next to 0 that rounds to the other side changes all that
follows. Here each packed layer is given the signs that a runtime gave the same layer, and
says how many it would have had otherwise.
"""

import onnx
import onnxruntime
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config

from surge_mmdet.deploy.config_text import from_text
from surge_mmdet.deploy.load import build_detector, fill_structure
from surge_mmdet.deploy.packed_layers import PackedLayer

BITS = '.bits'
NAMES = dict(boxes='bboxes', scores='scores', labels='labels')


def watched(path) -> tuple:
    """An ``--expand`` file that also gives the signs each binary layer reads.

    Returns:
        tuple: (bytes of the model, list of (layer, name of the output) in the order of the nodes).
    """
    model = onnx.load(path)
    reads = [
        (node.input[1].removesuffix(BITS), node.input[0])
        for node in model.graph.node
        if len(node.input) > 1 and node.input[1].endswith(BITS)
    ]
    names = dict.fromkeys(name for _, name in reads)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return model.SerializeToString(), reads


def in_onnx_runtime(model: bytes, image) -> dict:
    """All outputs by name."""
    session = onnxruntime.InferenceSession(model)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {'image': image}), strict=True))


def in_openvino(model: bytes, image) -> dict:
    """All outputs by name."""
    import openvino

    core = openvino.Core()
    options = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': 1}
    compiled = core.compile_model(core.read_model(model), 'CPU', options)
    found = compiled(image)
    return {name: found[output] for output in compiled.outputs for name in output.names}


class InStep:
    """Hooks of the packed layers of a detector.

    Args:
        model (nn.Module): Packed, not fused.
        signs (list): (layer, map) in the order of the calls. Layers of a second
            stage are left alone: its regions come in another order.

    Attributes:
        flipped, seen (int): Signs of our own that are others, of so many.
    """

    def __init__(self, model, signs: list) -> None:
        self.flipped = self.seen = 0
        self.waiting: dict = {}
        for name, value in signs:
            if not name.startswith('roi_head.'):
                self.waiting.setdefault(name, []).append(torch.from_numpy(value))
        for name, layer in model.named_modules():
            if name in self.waiting:
                assert isinstance(layer, PackedLayer) and layer.padding_mode == 'zeros', name
                layer.register_forward_pre_hook(self._taking(self.waiting[name]))

    def _taking(self, waiting: list):
        def take(layer, args):
            threshold = torch.zeros(()) if layer.threshold is None else layer.threshold
            threshold = threshold.view(-1, *[1] * (args[0].dim() - 2))
            theirs = waiting.pop(0)
            self.flipped += ((args[0] >= threshold) != (theirs > 0)).sum().item()
            self.seen += theirs.numel()
            return theirs + threshold

        return take


def unfused(content):
    """The packed detector of a content, each layer a module of its own."""
    model = build_detector(Config(from_text(content.config, 'a test')))
    fill_structure(model, content.tensors, 'a test')
    return model


@torch.no_grad()
def predict(model, image):
    """``pred_instances`` of a normalized image (1, 3, H, W)."""
    size = image.shape[2:]
    about = dict(img_shape=size, ori_shape=size, batch_input_shape=size, scale_factor=(1.0, 1.0))
    (found,) = model.predict(image, [DetDataSample(metainfo=about)], rescale=False)
    return found.pred_instances
