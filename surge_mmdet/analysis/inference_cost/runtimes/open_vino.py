"""OpenVINO on the CPU: float32, and int8 by NNCF's post-training quantization.

``OV_CPU_MAX_ISA`` and ``ONEDNN_MAX_CPU_ISA`` hold it to AVX2, one its own
kernels and one those of its oneDNN. Not every release reads the first, so the
kernels that were chosen are looked at.
"""

import contextlib
import io
import logging
import os
from collections.abc import Callable

import torch
from torch import Tensor

from ..contest import Unavailable
from ..part import Part


def float32(part: Part, threads: int) -> Callable:
    """The exported part as it is."""
    import openvino

    return compiled(openvino.Core().read_model(str(part.onnx)), threads)


def int8(part: Part, threads: int) -> Callable:
    """Quantized by NNCF with the calibration inputs."""
    import nncf
    import openvino

    # nncf.set_log_level would change handlers that belong to others too.
    logging.getLogger('nncf').setLevel(logging.ERROR)
    inputs = nncf.Dataset([x.contiguous().numpy() for x in part.calibration])
    model = openvino.Core().read_model(str(part.onnx))
    with contextlib.redirect_stdout(io.StringIO()):  # bars of its progress
        model = nncf.quantize(model, inputs, subset_size=len(part.calibration))
    return compiled(model, threads)


def compile_model(model, threads: int):
    """An OpenVINO model for one request at a time, float32 where it is not int8."""
    import openvino

    found = openvino.Core().compile_model(
        model,
        'CPU',
        {
            'INFERENCE_NUM_THREADS': threads,
            'NUM_STREAMS': 1,
            'PERFORMANCE_HINT': 'LATENCY',
            'INFERENCE_PRECISION_HINT': 'f32',
        },
    )
    if os.environ.get('OV_CPU_MAX_ISA') == 'AVX2' and any('avx512' in k for k in kernels(found)):
        raise Unavailable('did not keep to AVX2')
    return found


def kernels(model) -> list:
    """``layer:kernel`` of each node that a compiled model runs, as OpenVINO names them."""
    about = [node.get_rt_info() for node in model.get_runtime_model().get_ops()]
    return [
        ':'.join(each[key].astype(str) for key in ('layerType', 'primitiveType'))
        for each in about
        if 'layerType' in each
    ]


def compiled(model, threads: int) -> Callable:
    """What runs an OpenVINO model."""
    return request(compile_model(model, threads))


def request(model) -> Callable:
    """What runs a compiled one."""
    infer = model.create_infer_request()

    def run(x: Tensor) -> tuple:
        found = infer.infer({0: x.contiguous().numpy()}, share_inputs=True, share_outputs=True)
        return tuple(torch.from_numpy(found[index]) for index in range(len(model.outputs)))

    return run
