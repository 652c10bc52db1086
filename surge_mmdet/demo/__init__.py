"""Detect in an image with a packed detector: ``python -m surge_mmdet.demo IMAGE``."""
