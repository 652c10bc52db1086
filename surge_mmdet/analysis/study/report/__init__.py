"""What is made of the finished runs of a study: statistics, tables, figures, one page."""

from .comparisons import Compared, compare, twins
from .findings import findings
from .gather import Row, Section, gather
from .write import write_joint_report, write_report

__all__ = [
    'Compared',
    'Row',
    'Section',
    'compare',
    'findings',
    'gather',
    'twins',
    'write_joint_report',
    'write_report',
]
