"""Whole detectors: packed ones beside their float twins in other runtimes."""

from .contest import LABELS
from .run import Setup, check_setup, measure_detector

__all__ = ['LABELS', 'Setup', 'check_setup', 'measure_detector']
