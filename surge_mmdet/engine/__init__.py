"""The training loop's side: hooks, reproducible seeds, safe checkpoints."""

from . import hooks, optim_wrappers
from .atomic_backend import AtomicLocalBackend
from .hooks import *  # noqa: F403  one list of the hooks, theirs
from .log_processor import SurgeLogProcessor
from .optim_wrappers import *  # noqa: F403
from .worker_seed import keep_worker_seed

__all__ = [
    *hooks.__all__,
    *optim_wrappers.__all__,
    'AtomicLocalBackend',
    'SurgeLogProcessor',
    'keep_worker_seed',
]
