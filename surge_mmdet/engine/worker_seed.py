"""Seeds of data loading workers that follow the main process."""

import warnings

from ..registry import FUNCTIONS


@FUNCTIONS.register_module()
def keep_worker_seed(worker_id: int, disable_subprocess_warning: bool = False, **kwargs) -> None:
    """Keep the seeds PyTorch gives a worker from the main generator.

    MMEngine's own function seeds every epoch's workers alike. Together with
    :class:`EpochSeedHook` this one gives each epoch its own augmentation,
    which a resumed run repeats. Use it with ``persistent_workers=False``.
    """
    if disable_subprocess_warning and worker_id != 0:
        warnings.simplefilter('ignore')
