"""Detection with exported files without PyTorch: numpy, ONNX Runtime and OpenCV or Pillow.

Importing this imports neither PyTorch nor OpenMMLab, except beside upstream OpenMMLab, whose
registries ``import surge_mmdet`` fills.

    from surge_mmdet.onnx_detector import OnnxDetector

    found = OnnxDetector('detector.onnx')('photograph.jpg')
    found['bboxes'], found['scores'], found['labels']
"""

from .detector import OnnxDetector

__all__ = ['OnnxDetector']
