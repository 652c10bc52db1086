"""Memory that one training step frees is what the next one needs."""

import ctypes
import os
import platform

# Names in malloc.h of the GNU C library, and the variables that set the same.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
VARIABLES = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_')
LARGEST = 2**30  # bytes


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, instead of giving it back each step.

    A training on a CPU frees some hundred MiB at the end of every step. The GNU
    C library returns them to the system, which then clears page by page what the
    next step takes. Variables of the user's own, as above, are left alone.

    Returns:
        bool: Whether something was changed; not on other C libraries.
    """
    if platform.libc_ver()[0] != 'glibc' or any(name in os.environ for name in VARIABLES):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_TRIM_THRESHOLD, LARGEST) and mallopt(M_MMAP_THRESHOLD, LARGEST))


def return_freed_memory() -> bool:
    """Give what this process freed back to the system.

    Thousands of images whose boxes differ leave holes in the GNU C library's
    heap, which then grows although no object is added.

    Returns:
        bool: Whether something was given back; not on other C libraries.
    """
    return platform.libc_ver()[0] == 'glibc' and bool(ctypes.CDLL(None).malloc_trim(0))
