"""ONNX Runtime on the CPU: float32, and static int8 in the QDQ form."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ..instruction_sets import has_vnni
from ..part import Part

NO_SWITCH = 'has no switch to AVX2'


def float32(part: Part, threads: int) -> Callable:
    """The exported part as it is."""
    import onnxruntime  # noqa: F401  before the export, which takes longer

    return _session(part.onnx, threads)


def int8(part: Part, threads: int) -> Callable:
    """Weights per channel, activations by the range of the calibration inputs.

    Without VNNI, sums of two 8-bit products overflow 16 bits: weights then get
    7 bits, as ONNX Runtime's documentation asks.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    path, ready = part.folder / 'int8.onnx', part.folder / 'ready_for_int8.onnx'
    if not path.exists():
        with _no_warnings():  # of slopes, which have one axis
            quant_pre_process(str(part.onnx), str(ready), skip_symbolic_shape=True)
            quantize_static(
                str(ready),
                str(path),
                _Reader(part.calibration),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                reduce_range=not has_vnni(),
            )
    return _session(path, threads)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """No warnings of the root logger, until the block ends in whatever way.

    ``logging.disable`` would silence MMEngine's loggers for good: they
    remember what they may say, and only their own ``setLevel`` makes them forget.
    """
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)


class _Reader:
    """Calibration inputs as ``quantize_static`` asks for them."""

    def __init__(self, inputs: list) -> None:
        self.inputs = iter(inputs)

    def get_next(self):
        """The next one, or None."""
        x = next(self.inputs, None)
        return None if x is None else {'x': x.contiguous().numpy()}


def _session(path: Path, threads: int) -> Callable:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    session = ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])

    def run(x: Tensor) -> tuple:
        found = session.run(None, {'x': x.contiguous().numpy()})
        return tuple(map(torch.from_numpy, found))

    return run
