"""Turning real modules into binary ones: swap, policy, defaults, report."""

from .defaults import real_layers
from .policy import DEFAULT_POLICY, BinaryPolicy, Decision, binarize, build_policy, replace_modules
from .report import layer_rows, policy_summary, policy_table

__all__ = [
    'DEFAULT_POLICY',
    'BinaryPolicy',
    'Decision',
    'binarize',
    'build_policy',
    'layer_rows',
    'policy_summary',
    'policy_table',
    'real_layers',
    'replace_modules',
]
