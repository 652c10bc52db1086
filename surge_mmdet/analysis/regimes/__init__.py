"""Small binary networks under many conditions: where does a method help?

A detector takes minutes per seed, a network of this package seconds. So
conditions are screened here with many seeds, and what looks promising is then
held against a detector by ``compare_methods.py``.
"""

from .compare import Screening, Trial
from .regime import REGIMES, Regime, find_regime
from .table import regimes_table

__all__ = ['REGIMES', 'Regime', 'Screening', 'Trial', 'find_regime', 'regimes_table']
