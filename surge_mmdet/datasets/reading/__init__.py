"""Annotation files as mmdet reads them; what is wrong is named with its field.

The check before training and the data sets of the training both read here,
so that both use the same words. msgspec compares a file with the structure
that is declared in :mod:`.coco` and :mod:`.voc`.
"""

from .coco import CocoFile, load_coco, read_coco
from .lists import line_problem, read_list
from .problems import unusable
from .voc import read_voc

__all__ = [
    'CocoFile',
    'line_problem',
    'load_coco',
    'read_coco',
    'read_list',
    'read_voc',
    'unusable',
]
