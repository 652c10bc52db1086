"""Data sets of mmdet with checks of folder and classes."""

from .checked import CocoDataset, VOCDataset, VOCLayoutDataset
from .part import dataset_part, is_in_part

__all__ = ['CocoDataset', 'VOCDataset', 'VOCLayoutDataset', 'dataset_part', 'is_in_part']
