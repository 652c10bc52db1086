"""What a comparison trains: reading its file, and what can be wrong with it."""

from .changes import Change
from .method_losses import build_method_losses
from .plan import Plan, folder_word
from .read import load_plan, load_plans, read_methods

__all__ = [
    'Change',
    'Plan',
    'build_method_losses',
    'folder_word',
    'load_plan',
    'load_plans',
    'read_methods',
]
