"""The training loop's side: hooks, reproducible seeds, safe checkpoints."""

from .atomic_backend import AtomicLocalBackend
from .hooks import (
    AGSHook,
    BinaryMonitorHook,
    CheckpointReportHook,
    ConfigCheckHook,
    EpochSeedHook,
    EtaScheduleHook,
    LastCheckpointHook,
    NonFiniteStepHook,
    PolicyTableHook,
    ProgressHook,
    ScheduleHook,
)
from .log_processor import SurgeLogProcessor
from .optim_wrappers import (
    ApartClipping,
    SurgeAmpOptimWrapper,
    SurgeOptimWrapper,
    SurgeOptimWrapperConstructor,
)
from .worker_seed import keep_worker_seed

__all__ = [
    'AGSHook',
    'ApartClipping',
    'AtomicLocalBackend',
    'BinaryMonitorHook',
    'CheckpointReportHook',
    'ConfigCheckHook',
    'EpochSeedHook',
    'EtaScheduleHook',
    'LastCheckpointHook',
    'NonFiniteStepHook',
    'PolicyTableHook',
    'ProgressHook',
    'ScheduleHook',
    'SurgeAmpOptimWrapper',
    'SurgeLogProcessor',
    'SurgeOptimWrapper',
    'SurgeOptimWrapperConstructor',
    'keep_worker_seed',
]
