"""The runs of a plan: the config of each, its process, and what it leaves."""

from .held_out import sources
from .process import (
    CONFIG,
    checkpoints,
    remove_checkpoints,
    require_same,
    train_config,
    write_config,
)
from .progress import duration, ends, seconds_left, starts
from .results import (
    FAILED,
    RESULT,
    RESULTS,
    add_again,
    last_training,
    outcome,
    read_failed,
    read_result,
    read_results,
    write_tables,
)
from .run import (
    Run,
    all_runs,
    best_rates,
    first_run,
    has_students,
    is_ready,
    seed_runs,
    teacher_run,
    tuning_runs,
)
from .table import PLUS_MINUS, seed_table, tuning_table
from .trained import TRAINED, described, environments, note_part, read_parts
from .trainings import build_each, require_trainable, run_config

__all__ = [
    'CONFIG',
    'FAILED',
    'PLUS_MINUS',
    'RESULT',
    'RESULTS',
    'Run',
    'TRAINED',
    'add_again',
    'all_runs',
    'best_rates',
    'build_each',
    'checkpoints',
    'described',
    'duration',
    'ends',
    'environments',
    'first_run',
    'has_students',
    'is_ready',
    'last_training',
    'note_part',
    'outcome',
    'read_failed',
    'read_parts',
    'read_result',
    'read_results',
    'remove_checkpoints',
    'require_same',
    'require_trainable',
    'run_config',
    'seconds_left',
    'seed_runs',
    'seed_table',
    'sources',
    'starts',
    'teacher_run',
    'train_config',
    'tuning_runs',
    'tuning_table',
    'write_config',
    'write_tables',
]
