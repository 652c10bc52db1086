"""Exported files of shipped detectors: size, AP in two runtimes, time beside the float twin."""

from .agreement import agreement_table
from .files import written
from .race import times_table

__all__ = ['agreement_table', 'times_table', 'written']
