"""Where the trainings of a comparison run: here, side by side, one per GPU, or on a cluster."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import torch

from ..conditions import DEVICES, THREADS
from .comparison import Comparison


def side_by_side(comparison: Comparison, environments: Sequence) -> None:
    """A worker for each environment; each trains one run at a time, as processes.

    Args:
        comparison (Comparison): What is trained.
        environments (Sequence[Mapping]): Variables of each worker's trainings.

    Raises:
        ValueError, KeyboardInterrupt: As :meth:`Comparison.work`.
    """
    if len(environments) == 1:
        return comparison.work(environments[0])
    with ThreadPoolExecutor(len(environments)) as pool:
        workers = [pool.submit(comparison.work, each) for each in environments]
        try:
            for worker in as_completed(workers):
                worker.result()
        except BaseException:
            comparison.stop.set()  # those that wait do not begin another run
            raise


def processes(count: int) -> list:
    """Environments of so many trainings on one machine, which share its cores.

    Raises:
        ValueError: If there is to be none.
    """
    if count < 1:
        raise ValueError(f'--processes {count}: write --processes 1')
    share = max(1, (os.cpu_count() or 1) // count)
    beside: Mapping = {} if count == 1 or THREADS in os.environ else {THREADS: str(share)}
    return [dict(beside)] * count


def gpus(numbers: Sequence) -> list:
    """Environments of trainings that see one GPU each.

    Args:
        numbers (Sequence[int]): As PyTorch counts them here.

    Raises:
        ValueError: If one of them is not there, or is named twice.
    """
    count = torch.cuda.device_count()
    there = list(range(count))
    if not there:
        raise ValueError('--gpus: PyTorch sees no GPU here. Write --processes 1')
    if not set(numbers) <= set(there) or len(set(numbers)) != len(numbers):
        right = ' '.join(map(str, sorted({n for n in numbers if n in there} or there)))
        raise ValueError(
            f'--gpus {" ".join(map(str, numbers))}: PyTorch sees {count} here, each takes one run '
            f'at a time. Write --gpus {right}'
        )
    visible = os.environ.get(DEVICES)
    names = visible.split(',') if visible else list(map(str, there))
    return [{DEVICES: names[number]} for number in numbers]
