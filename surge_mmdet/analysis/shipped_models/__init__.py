"""Shipped detectors packed and measured, for their cards."""

from .card_tables import DETECTORS, objects_table, tables
from .data import ROOTS, SPLITS, split_data, truth, without
from .measure import compare, file_hash, objects, pack, shaken, teacher_reaches
from .storage import storage_table

__all__ = [
    'DETECTORS',
    'ROOTS',
    'SPLITS',
    'compare',
    'file_hash',
    'objects',
    'objects_table',
    'pack',
    'shaken',
    'split_data',
    'storage_table',
    'tables',
    'teacher_reaches',
    'truth',
    'without',
]
