"""What a comparison trains: reading its file, and what can be wrong with it."""

from .changes import Change
from .method_losses import build_method_losses
from .plan import Plan, folder_word
from .read import load_plan, load_plans, read_methods
from .same import ALLOWED, but_for_rates, but_for_surge, with_surge

__all__ = [
    'ALLOWED',
    'Change',
    'Plan',
    'build_method_losses',
    'but_for_rates',
    'but_for_surge',
    'folder_word',
    'load_plan',
    'load_plans',
    'read_methods',
    'with_surge',
]
