"""Comparing methods: a learning rate for each, several seeds, paired."""

from .clashes import check_unfinished, claim, require_same_plan
from .cluster import Worker, executor, submit, wait
from .comparison import Comparison
from .continued import continue_from, has_kept, left_out, rehearsal, require_continuable
from .launch import gpus, processes, side_by_side
from .overview import overview
from .plan import Change, Plan, load_plan, load_plans, read_methods
from .preconditions import require_data, require_teachers
from .runner import Study
from .runs import (
    Run,
    all_runs,
    best_rates,
    build_each,
    has_students,
    is_ready,
    outcome,
    read_failed,
    read_results,
    require_trainable,
    run_config,
    seed_runs,
    seed_table,
    teacher_run,
    tuning_runs,
    tuning_table,
    write_tables,
)
from .statistics import centre_and_half, power, seeds_needed, spread

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
    'executor',
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
