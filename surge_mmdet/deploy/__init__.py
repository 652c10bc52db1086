"""Packed detectors: 1-bit weights in a small file, run by compiled kernels."""
