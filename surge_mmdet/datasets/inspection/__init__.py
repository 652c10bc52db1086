"""What a config will read: files, boxes, classes, and what is wrong."""

from .findings import RULES, Findings
from .folders import coco_config, voc_config
from .inspect import inspect
from .report import as_json, as_text
from .sources import Source, sources_of
from .start import require_files, require_heads

__all__ = [
    'RULES',
    'Findings',
    'Source',
    'as_json',
    'as_text',
    'coco_config',
    'inspect',
    'require_files',
    'require_heads',
    'sources_of',
    'voc_config',
]
