"""A page for each named method, made of its docstrings, its layer and the results."""

from .choice import choice_table
from .detector_methods import DetectorMethod, detector_methods, shipped_configs
from .detector_page import detector_page
from .facts import Facts, facts, paged_methods, with_surge
from .page import figure, method_page
from .results import results_of, results_with
from .snippets import Snippet, snippets

__all__ = [
    'DetectorMethod',
    'Facts',
    'Snippet',
    'choice_table',
    'detector_methods',
    'detector_page',
    'facts',
    'figure',
    'method_page',
    'paged_methods',
    'results_of',
    'results_with',
    'shipped_configs',
    'snippets',
    'with_surge',
]
