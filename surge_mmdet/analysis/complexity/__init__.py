"""Operations and size of detectors, real and binary apart."""

from .count import (
    Complexity,
    LayerOps,
    check_shape,
    count_macs,
    count_values,
    detector_complexity,
    layer_macs,
)
from .report import Report, config_report
from .table import detectors_table, layers_text, totals_text, write

__all__ = [
    'Complexity',
    'LayerOps',
    'Report',
    'check_shape',
    'config_report',
    'count_macs',
    'count_values',
    'detector_complexity',
    'detectors_table',
    'layer_macs',
    'layers_text',
    'totals_text',
    'write',
]
