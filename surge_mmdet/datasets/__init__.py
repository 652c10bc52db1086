"""Data sets of mmdet with checks of folder and classes."""

from .checked import CocoDataset, VOCDataset, VOCLayoutDataset

__all__ = ['CocoDataset', 'VOCDataset', 'VOCLayoutDataset']
