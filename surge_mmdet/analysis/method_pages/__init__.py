"""A page for each named method, made of its docstrings, its layer and the results."""

from .choice import choice_table
from .facts import Facts, facts, paged_methods, with_surge
from .page import figure, method_page
from .results import results_of

__all__ = [
    'Facts',
    'choice_table',
    'facts',
    'figure',
    'method_page',
    'paged_methods',
    'results_of',
    'with_surge',
]
