"""Comparing methods: a learning rate for each, several seeds, paired."""

from .changes import Change
from .plan import Plan, load_plan, read_methods
from .results import outcome, read_failed, read_results, write_tables
from .runner import Study
from .runs import (
    Run,
    all_runs,
    best_rates,
    has_students,
    is_ready,
    seed_runs,
    teacher_run,
    tuning_runs,
)
from .statistics import centre_and_half, spread
from .table import seed_table, tuning_table
from .trainings import build_each, require_trainable, run_config

__all__ = [
    'Change',
    'Plan',
    'Run',
    'Study',
    'all_runs',
    'best_rates',
    'build_each',
    'centre_and_half',
    'has_students',
    'is_ready',
    'load_plan',
    'outcome',
    'read_failed',
    'read_methods',
    'read_results',
    'require_trainable',
    'run_config',
    'seed_runs',
    'seed_table',
    'spread',
    'teacher_run',
    'tuning_runs',
    'tuning_table',
    'write_tables',
]
