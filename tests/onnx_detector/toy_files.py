"""ONNX files of a toy detector, written by hand."""

import json

import numpy as np

RECIPE = dict(
    scale=[32, 24], keep_ratio=True, pad_to=None, square=False, fill=[0.0] * 3, fixed=None,
    mean=[0.0] * 3, std=[1.0] * 3, bgr_to_rgb=True, divisor=1,
)  # fmt: skip
METADATA = dict(
    format='surge_mmdet ONNX detector', format_version='1', surge_mmdet='0.2.0',
    classes=json.dumps(['cat', 'dog']), config_sha256='0', detector='FasterRCNN',
    input='float32', recipe=json.dumps(RECIPE),
)  # fmt: skip
BOXES = np.float32([[0, 0, 16, 12], [8, 6, 32, 24]])


def model(size: tuple = ('h', 'w'), **metadata) -> bytes:
    """A detector that finds two boxes in every image of this size.

    A value None of the metadata leaves an entry out; ``input='uint8'`` is one
    that prepares images itself.
    """
    from onnx import TensorProto, helper, numpy_helper

    found = dict(boxes=BOXES, scores=np.float32([0.9, 0.2]), labels=np.int64([1, 0]))
    zero = numpy_helper.from_array(np.int64(0), 'zero')
    nodes = [  # each is the constant, plus nothing of the image
        helper.make_node('Identity', [f'{name}_held'], [name]) for name in found
    ]
    kinds = dict(boxes=TensorProto.FLOAT, scores=TensorProto.FLOAT, labels=TensorProto.INT64)
    outputs = [helper.make_tensor_value_info(n, kinds[n], v.shape) for n, v in found.items()]
    kind, shape = TensorProto.FLOAT, [1, 3, *size]
    if metadata.get('input') == 'uint8':
        kind, shape = TensorProto.UINT8, [*size, 3]
    image = helper.make_tensor_value_info('image', kind, shape)
    held = [numpy_helper.from_array(value, f'{name}_held') for name, value in found.items()]
    graph = helper.make_graph(nodes, 'toy', [image], outputs, [*held, zero])
    written = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)])
    written.ir_version = 10
    entries = {k: v for k, v in {**METADATA, **metadata}.items() if v is not None}
    helper.set_model_props(written, entries)
    return written.SerializeToString()
