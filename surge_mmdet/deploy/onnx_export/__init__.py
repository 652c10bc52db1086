"""Packed detectors as ONNX files of standard operators, for runtimes without PyTorch."""

from .detector import Exported, export, packed_source
from .verify import verify

__all__ = ['Exported', 'export', 'packed_source', 'verify']
