"""Comparing methods: a learning rate for each, several seeds, paired."""

from ...errors import moved
from .clashes import check_unfinished, claim, require_same_plan
from .cluster import Worker, executor, submit, wait
from .comparison import Comparison
from .continued import continue_from, has_kept, left_out, rehearsal, require_continuable
from .launch import gpus, processes, side_by_side
from .overview import overview
from .plan import Change, Plan, load_plan, load_plans
from .preconditions import require_data, require_teachers
from .runner import Study
from .runs import (
    Run,
    build_each,
    require_trainable,
    run_config,
)

__all__ = [
    'Change',
    'Comparison',
    'Plan',
    'Run',
    'Study',
    'Worker',
    'build_each',
    'check_unfinished',
    'claim',
    'continue_from',
    'executor',
    'gpus',
    'has_kept',
    'left_out',
    'load_plan',
    'load_plans',
    'overview',
    'processes',
    'rehearsal',
    'require_continuable',
    'require_data',
    'require_same_plan',
    'require_teachers',
    'require_trainable',
    'run_config',
    'side_by_side',
    'submit',
    'wait',
]

_ROOMS = {
    'plan': 'read_methods',
    'runs': 'all_runs best_rates has_students is_ready outcome read_failed read_results seed_runs '
    'seed_table teacher_run tuning_runs tuning_table write_tables',
    'statistics': 'centre_and_half power seeds_needed spread',
}
__getattr__ = moved(
    'analysis.study',
    {
        name: f'from surge_mmdet.analysis.study.{room} import {name}'
        for room, names in _ROOMS.items()
        for name in names.split()
    },
)
