"""What is made of the finished runs of a study: statistics, tables, figures, one page."""

from .comparisons import Compared, compare
from .findings import findings
from .gather import Row, Section, gather
from .pairs import Pair, pairs
from .write import write_joint_report, write_report

__all__ = [
    'Compared',
    'Pair',
    'Row',
    'Section',
    'compare',
    'findings',
    'gather',
    'pairs',
    'write_joint_report',
    'write_report',
]
