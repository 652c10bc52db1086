"""The detector of :mod:`surge_mmdet.onnx_detector`, for those who look for it among the rest.

Beside an installed OpenMMLab this room imports it; the other name does so only beside upstream
OpenMMLab, as ``import surge_mmdet`` does there.
"""

from ..onnx_detector import OnnxDetector

__all__ = ['OnnxDetector']
