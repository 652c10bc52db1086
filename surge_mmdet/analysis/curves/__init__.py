"""What a training has left: its log, curves, accuracy and binary statistics."""

from .accuracy import coco_accuracy, rows_tables, run_row
from .binary_plot import plot_statistics, read_statistics
from .plot import plot_curves
from .surrogate_plot import plot_surrogates, slopes
from .training_log import read_scalars, split_rows

__all__ = [
    'coco_accuracy',
    'plot_curves',
    'plot_statistics',
    'plot_surrogates',
    'read_scalars',
    'read_statistics',
    'rows_tables',
    'run_row',
    'slopes',
    'split_rows',
]
