"""Another kernel than the processor's choice, for a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional

KERNEL = 'SURGE_KERNEL'


@contextmanager
def use_kernel(name: Optional[str]) -> Iterator:
    """Let ``SURGE_KERNEL`` have this value for a while; None changes nothing.

    It holds for the whole process: one thread at a time.
    """
    before = os.environ.get(KERNEL)
    if name is not None:
        os.environ[KERNEL] = name
    try:
        yield
    finally:
        if before is not None:
            os.environ[KERNEL] = before
        elif name is not None:
            os.environ.pop(KERNEL)
