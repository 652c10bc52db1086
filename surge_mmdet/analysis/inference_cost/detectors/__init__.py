"""Whole detectors: packed ones beside their float twins in other runtimes."""

from .run import Setup, check, measure_detector

__all__ = ['Setup', 'check', 'measure_detector']
