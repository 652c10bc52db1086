"""What a config will read: files, boxes, classes, and what is wrong."""

from .classes import class_counts
from .findings import RULES, Findings
from .folders import coco_config, voc_config
from .inspect import inspect
from .report import as_json, as_text
from .sources import Source, kind_of, placed_leaves, sources_of, where_to_look

__all__ = [
    'RULES',
    'Findings',
    'Source',
    'as_json',
    'as_text',
    'class_counts',
    'coco_config',
    'inspect',
    'kind_of',
    'placed_leaves',
    'sources_of',
    'voc_config',
    'where_to_look',
]
