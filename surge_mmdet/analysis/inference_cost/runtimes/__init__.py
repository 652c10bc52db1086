"""One file for each runtime, and the names under which a table shows them.

A runtime's function takes a :class:`~..part.Part` and a number of threads and
gives what runs: a tensor to a tuple of tensors. It raises ImportError where its
package is not installed, and Unavailable where it cannot run the part.
"""

from collections.abc import Callable
from typing import NamedTuple

from ..contest import Pace, Unavailable
from ..instruction_sets import NATIVE
from ..part import Part
from . import ncnn_layers, onnx_runtime, open_vino, pytorch

# Distributions of requirements/benchmark.txt, whose versions a table names.
PACKAGES = ('onnxruntime', 'openvino', 'nncf', 'ncnn', 'onnx', 'onnxscript')


class Runtime(NamedTuple):
    """Who runs a part, how precisely, and what of the part it has to give.

    Attributes:
        label (str): In tables.
        kind (str): ``float32``, ``bfloat16`` or ``int8``.
        make (Callable): ``(part, threads)`` to ``tensor -> tuple``.
        native_only (str): Why no environment keeps it from a processor's best
            instructions; empty where that of ``instruction_sets`` does.
    """

    label: str
    kind: str
    make: Callable
    native_only: str = ''


TORCH = (
    Runtime('torch float32', 'float32', pytorch.eager),
    Runtime('torch float32, compiled', 'float32', pytorch.compiled),
    Runtime('torch bfloat16', 'bfloat16', pytorch.bfloat16),
    Runtime('torch bfloat16, compiled', 'bfloat16', pytorch.compiled_bfloat16),
)
OTHERS = (
    Runtime('ONNX Runtime float32', 'float32', onnx_runtime.float32, onnx_runtime.NO_SWITCH),
    Runtime('ONNX Runtime int8', 'int8', onnx_runtime.int8, onnx_runtime.NO_SWITCH),
    Runtime('OpenVINO float32', 'float32', open_vino.float32),
    Runtime('OpenVINO int8', 'int8', open_vino.int8),
)
LAYERS_ONLY = (
    Runtime('ncnn float32', 'float32', ncnn_layers.float32, ncnn_layers.NO_SWITCH),
    Runtime('ncnn int8', 'int8', ncnn_layers.int8, ncnn_layers.NO_SWITCH),
)


def build(runtime: Runtime, part: Part, pace: Pace) -> Callable:
    """What runs ``part``, unless the runtime cannot be held to the instruction set.

    Raises:
        ImportError, Unavailable: See the head of this file.
    """
    if pace.isa != NATIVE and runtime.native_only:
        raise Unavailable(runtime.native_only)
    return runtime.make(part, pace.threads)
