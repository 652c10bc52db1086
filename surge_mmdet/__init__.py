"""1-bit object detection with SURGE for MMDetection 3.x."""

import sys

__version__ = '0.2.0'

# The doctor (`python -m surge_mmdet.environment`) has to run where the stack
# is broken; everybody else is stopped here with the command that repairs it.
if sys.orig_argv[1:3] != ['-m', 'surge_mmdet.environment']:
    from . import registry  # noqa: F401
