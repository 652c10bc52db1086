"""Runtimes that read an exported file, each as a detector from an image to a dict."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...onnx_detector import OnnxDetector


class OpenVinoDetector(OnnxDetector):
    """The same file in OpenVINO, in float32.

    Args:
        path: Of the ``.onnx`` file.
        threads (int): Of one detection.
    """

    def __init__(self, path, threads: int = 1) -> None:
        super().__init__(path, threads)
        self.session = _Compiled(self.path, threads)


class _Compiled:
    """A network of OpenVINO that is run as a session of ONNX Runtime."""

    def __init__(self, path: str, threads: int) -> None:
        import openvino

        core = openvino.Core()
        options = {'INFERENCE_PRECISION_HINT': 'f32', 'INFERENCE_NUM_THREADS': threads}
        self.network = core.compile_model(core.read_model(path), 'CPU', options)

    def run(self, names: Sequence, inputs: Mapping) -> list:
        """Outputs by name."""
        found = self.network(inputs)
        return [np.array(found[name]) for name in names]


RUNTIMES = {'ONNX Runtime': OnnxDetector, 'OpenVINO': OpenVinoDetector}
