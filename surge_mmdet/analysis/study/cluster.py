"""Workers as jobs of a cluster, through submitit (Slurm; or processes of this machine)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import first_sentence
from ..conditions import command_line
from .comparison import Comparison
from .plan import load_plans
from .runner import Study

if TYPE_CHECKING:
    from submitit import AutoExecutor

# submitit's own limit is five minutes.
DEFAULTS = dict(name='compare_methods', timeout_min=24 * 60)


@dataclass(frozen=True)
class Worker:
    """A job: it trains what is free in the folder, beside the other jobs.

    submitit pickles it; a job that reaches its time limit or is preempted is
    queued again, and goes on where its training was.

    Args:
        plan (str): The plan's file.
        root (Path): Of the repository.
        folder (Path): Of the comparison, seen by all nodes.
        optimizers (tuple): Of the plan.
        options (dict): For every run, as ``--cfg-options``.
        keep (bool): Whether checkpoints of finished runs stay.
        started (float): When the comparison began.
        command (str): That the user gave; a job has one of the cluster's.
        packed (bool): Whether the packed detectors of binary runs are validated.
    """

    plan: str
    root: Path
    folder: Path
    optimizers: tuple
    options: dict
    keep: bool
    started: float
    command: str = field(default_factory=command_line)
    packed: bool = True

    def comparison(self) -> Comparison:
        """What is trained."""
        studies = [
            Study(
                plan,
                self.folder / plan.dataset,
                self.root / 'tools/train.py',
                self.options,
                self.keep,
                self.started,
                self.command,
                self.packed,
            )
            for plan in load_plans(self.plan, self.root)
        ]
        return Comparison(studies, self.optimizers)

    def __call__(self) -> None:
        """Called in the job."""
        self.comparison().work()

    def checkpoint(self):
        """What submitit queues when the job's time is over."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def executor(folder: Path, count: int, cluster: str, parameters: Mapping) -> 'AutoExecutor':
    """What submits jobs; nothing is written yet.

    Args:
        folder (Path): Of the comparison.
        count (int): Of jobs.
        cluster (str): ``slurm``, or ``local`` for processes of this machine.
        parameters (Mapping): Of submitit's executor: ``timeout_min``,
            ``gpus_per_node``, ``cpus_per_task``, ``mem_gb``, ``slurm_partition``.

    Returns:
        submitit.AutoExecutor: Of these parameters.

    Raises:
        ValueError: If there is to be no job, submitit is not installed, there is no
            Slurm here, or it does not take the parameters; the text shows the corrected
            line.
    """
    try:
        import submitit
    except ImportError as error:
        raise ValueError('--cluster needs submitit. Write pip install submitit') from error
    if count < 1:
        raise ValueError(f'--jobs {count}: write --jobs 1')
    try:
        found = submitit.AutoExecutor(folder=folder / 'jobs' / '%j', cluster=cluster)
        found.update_parameters(**{**DEFAULTS, **parameters})
    except Exception as error:
        why = first_sentence(error).rstrip('?')
        raise ValueError(
            f'--cluster {cluster}: {why}. Write --cluster slurm --job-options '
            'slurm_partition=NAME gpus_per_node=1 cpus_per_task=4 timeout_min=600'
        ) from error
    return found


def submit(jobs: 'AutoExecutor', worker: Worker, count: int) -> list:
    """Submit jobs, each of which is a worker.

    Args:
        jobs (submitit.AutoExecutor): That :func:`executor` gives.
        worker (Worker): What each does.
        count (int): Of jobs.

    Returns:
        list[submitit.Job]: The jobs.
    """
    with jobs.batch():
        return [jobs.submit(worker) for _ in range(count)]


def wait(jobs: list) -> list:
    """Wait for jobs; what went wrong in each that failed.

    Args:
        jobs (list[submitit.Job]): As :func:`submit` gives them.
    """
    from submitit.helpers import as_completed

    lost = []
    for job in as_completed(jobs):
        error = job.exception()
        if error is not None:
            lost.append(f'job {job.job_id} failed: {error}\nSee {job.paths.stderr}')
    return lost
