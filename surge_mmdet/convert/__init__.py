"""Turning real modules into binary ones: swap, policy, defaults, report."""

from .binarize import binarize, is_layer
from .defaults import real_layers
from .policy import DEFAULT_POLICY, BinaryPolicy, Decision, build_policy
from .report import layer_rows, policy_summary, policy_table
from .swap import swap

__all__ = [
    'DEFAULT_POLICY',
    'BinaryPolicy',
    'Decision',
    'binarize',
    'build_policy',
    'is_layer',
    'layer_rows',
    'policy_summary',
    'policy_table',
    'real_layers',
    'swap',
]
