"""Hooks; each config's ``default_hooks`` names the ones it uses."""

from .ags_hook import AGSHook
from .binarizer_hook import BinarizerHook
from .binary_monitor_hook import BinaryMonitorHook
from .checkpoint_report_hook import CheckpointReportHook
from .config_check_hook import ConfigCheckHook
from .detection_picture_hook import DetectionPictureHook
from .epoch_seed_hook import EpochSeedHook
from .eta_schedule_hook import EtaScheduleHook
from .last_checkpoint_hook import LastCheckpointHook
from .non_finite_step_hook import NonFiniteStepHook
from .packed_val_hook import PackedValHook
from .policy_table_hook import PolicyTableHook
from .progress_hook import ProgressHook
from .schedule_hook import ScheduleHook

__all__ = [
    'AGSHook',
    'BinarizerHook',
    'BinaryMonitorHook',
    'CheckpointReportHook',
    'ConfigCheckHook',
    'DetectionPictureHook',
    'EpochSeedHook',
    'EtaScheduleHook',
    'LastCheckpointHook',
    'NonFiniteStepHook',
    'PackedValHook',
    'PolicyTableHook',
    'ProgressHook',
    'ScheduleHook',
]
