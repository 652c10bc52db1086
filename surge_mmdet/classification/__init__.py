"""Image classification, to pretrain backbones on.

Types and options are those of mmpretrain (its 1.x branch) and do the same,
so that a config of this package runs under either: ``default_scope`` is
``surge_mmdet``, or ``mmpretrain`` where that is installed. mmpretrain cannot
be imported without a working torchvision, hence these few classes.
"""

from .accuracy import Accuracy
from .classifier import (
    ClsDataPreprocessor,
    GlobalAveragePooling,
    ImageClassifier,
    LinearClsHead,
)
from .folder_dataset import CustomDataset
from .transforms import PackInputs, RandomResizedCrop, ResizeEdge

__all__ = [
    'Accuracy',
    'ClsDataPreprocessor',
    'CustomDataset',
    'GlobalAveragePooling',
    'ImageClassifier',
    'LinearClsHead',
    'PackInputs',
    'RandomResizedCrop',
    'ResizeEdge',
]
