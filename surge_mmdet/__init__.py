"""1-bit object detection with SURGE for MMDetection 3.x."""

import importlib
import sys

__version__ = '0.3.0'

# The doctor (`python -m surge_mmdet.environment`) has to run where the stack
# is broken; everybody else is stopped here with the command that repairs it.
if sys.orig_argv[1:3] != ['-m', 'surge_mmdet.environment']:
    from .environment import UPSTREAM, has_stack, installed, require_supported_stack

    # Without a stack onnx_detector works; every other room asks for one.
    if has_stack():
        require_supported_stack()
    if installed(UPSTREAM):
        from . import registry  # noqa: F401  teaches its MMEngine to read checkpoints


def __getattr__(name: str):
    """``registry`` on first use: it imports PyTorch, which ``onnx_detector`` does without."""
    if name != 'registry':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return importlib.import_module(f'{__name__}.registry')
