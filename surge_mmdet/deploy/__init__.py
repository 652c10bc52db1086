"""Packed detectors: 1-bit weights in a small file, run by compiled kernels.

Once this is imported, mmengine reads packed files like checkpoints.
"""

from ..environment import has_stack, require_supported_stack

if has_stack():  # else only onnx_detector is of use
    from . import checkpoint_loader  # noqa: F401
    from .load import load_packed

__all__ = ['load_packed']


def __getattr__(name: str):
    """Reached without a stack: says what to install."""
    if name in __all__:
        require_supported_stack()
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
