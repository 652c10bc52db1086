"""Packed detectors: 1-bit weights in a small file, run by compiled kernels.

Once this is imported, mmengine reads packed files like checkpoints.
"""

from . import checkpoint_loader  # noqa: F401
from .load import load_packed

__all__ = ['load_packed']
