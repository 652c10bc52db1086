"""Comparing methods: a learning rate for each, several seeds, paired."""

from .changes import Change
from .clashes import check_unfinished, claim, require_same_plan
from .cluster import Worker, submit, wait
from .comparison import Comparison
from .continued import continue_from, has_kept, left_out, rehearsal, require_continuable
from .launch import gpus, processes, side_by_side
from .overview import overview
from .plan import Plan
from .power import power, seeds_needed
from .preconditions import require_data, require_teachers
from .read_plan import load_plan, load_plans, read_methods
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
    'Comparison',
    'Plan',
    'Run',
    'Study',
    'Worker',
    'all_runs',
    'best_rates',
    'build_each',
    'centre_and_half',
    'check_unfinished',
    'claim',
    'continue_from',
    'gpus',
    'has_kept',
    'has_students',
    'is_ready',
    'left_out',
    'load_plan',
    'load_plans',
    'outcome',
    'overview',
    'power',
    'processes',
    'read_failed',
    'read_methods',
    'read_results',
    'rehearsal',
    'require_continuable',
    'require_data',
    'require_same_plan',
    'require_teachers',
    'require_trainable',
    'run_config',
    'seed_runs',
    'seed_table',
    'seeds_needed',
    'side_by_side',
    'spread',
    'submit',
    'teacher_run',
    'tuning_runs',
    'tuning_table',
    'wait',
    'write_tables',
]
