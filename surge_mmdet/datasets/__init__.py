"""Data sets in VOC layout, with checks."""
from .checked import VOCDataset, VOCLayoutDataset

__all__ = ['VOCDataset', 'VOCLayoutDataset']
