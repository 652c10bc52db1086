"""The finished runs of a study, in the parts that a report is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Optional

from ..plan import Plan
from ..runs import TRAINED, Run, best_rates, read_failed, read_results

FINISHED, DIVERGED, FAILED = 'finished', 'diverged', 'failed'
TUNING, SEEDS = 'tuning', 'seeds'


@dataclass(frozen=True)
class Row:
    """One run and what its ``result.json`` says; what it does not say is None.

    Args:
        run (Run): The run.
        part (str): ``tuning`` or ``seeds``.
        ap, ap50 (float): NaN for a failed run, 0 for one that diverged.
        skipped (int | None): Steps without an update.
        failed (str | None): Why it failed.
        diverged (bool): Whether the loss left the finite numbers for good.
        seconds (float | None): Its iterations took, without validations.
        wall (float | None): Seconds from its start to its end, validations too.
        resident, cuda (float | None): MiB, at most, of its process and on its GPU.
        curve (tuple): (epoch, AP, AP50) of each validation.
        trained (tuple): Conditions of its parts; empty where nobody recorded them.
        packed_ap, packed_ap50 (float | None): Of the packed detector.
        packed_bytes (int | None): Of its file.
        not_packed (str | None): Why there is none.
    """

    run: Run
    part: str
    ap: float = nan
    ap50: float = nan
    skipped: Optional[int] = None
    failed: Optional[str] = None
    diverged: bool = False
    seconds: Optional[float] = None
    wall: Optional[float] = None
    resident: Optional[float] = None
    cuda: Optional[float] = None
    curve: tuple = ()
    trained: tuple = ()
    packed_ap: Optional[float] = None
    packed_ap50: Optional[float] = None
    packed_bytes: Optional[int] = None
    not_packed: Optional[str] = None

    @property
    def status(self) -> str:
        """``finished``, ``diverged`` or ``failed``."""
        return FAILED if self.failed else DIVERGED if self.diverged else FINISHED

    @property
    def epochs(self) -> Optional[int]:
        """That were trained, as far as its validations tell."""
        return int(self.curve[-1][0]) if self.curve else None


@dataclass(frozen=True)
class Section:
    """The runs that are compared with each other: one optimizer on one data set.

    Args:
        title (str): What it is called.
        plan (Plan): Of the study.
        optimizer (str): Name in the plan.
        best (dict): Method to the rate that its tuning chose.
        rows (Sequence[Row]): Of the tuning and of the seeds.
    """

    title: str
    plan: Plan
    optimizer: str
    best: dict
    rows: Sequence = field(default_factory=tuple)

    @property
    def methods(self) -> list:
        """All that the plan trains here, in its order."""
        return [m for m in self.plan.methods if self.plan.rates(self.optimizer, m)]

    def seeds(self, method: str) -> list:
        """The runs of a method that are compared: its best rate, seed by seed."""
        return [row for row in self.rows if row.part == SEEDS and row.run.method == method]

    def values(self, method: str, metric: str = 'ap') -> dict:
        """Seed to AP; a diverged run counts as 0, a failed one has none."""
        return {
            row.run.seed: getattr(row, metric) for row in self.seeds(method) if row.status != FAILED
        }

    def lost(self, status: str, method: Optional[str] = None) -> list:
        """Rows that failed or diverged."""
        return [
            row for row in self.rows if row.status == status and method in (None, row.run.method)
        ]

    def at_edge(self, method: str) -> bool:
        """Whether the best rate is the lowest or highest of several that were tried."""
        rates = self.plan.rates(self.optimizer, method)
        return len(rates) > 1 and self.best[method] in (min(rates), max(rates))


def gather(plan: Plan, folder: Path) -> list:
    """The sections of a study, those without any run left out.

    Args:
        plan (Plan): The plan.
        folder (Path): Of the study.
    """
    results = read_results(plan, folder)
    failed = {run: dict(failed=line) for run, line in read_failed(plan, folder).items()}
    found = []
    for optimizer in plan.optimizers:
        best = best_rates(results, plan, optimizer)
        rows = [
            _row(run, _part(plan, best, run), result)
            for run, result in {**failed, **results}.items()
            if run.optimizer == optimizer and _part(plan, best, run)
        ]
        if rows:
            found.append(
                Section(f'{plan.dataset} {optimizer}'.strip(), plan, optimizer, best, tuple(rows))
            )
    return found


def _part(plan: Plan, best: dict, run: Run) -> Optional[str]:
    if run.seed == plan.tune_seed:
        return TUNING if run.lr in plan.tuned(run.optimizer, run.method) else None
    return SEEDS if best.get(run.method) == run.lr else None


def _row(run: Run, part: str, result: dict) -> Row:
    """Tolerant of what an older release did not write."""
    failed = result.get('failed')
    return Row(
        run,
        part,
        ap=nan if failed else result['AP'],
        ap50=nan if failed else result['AP50'],
        skipped=result.get('skipped'),
        failed=failed,
        diverged=bool(result.get('diverged')),
        seconds=result.get('seconds'),
        wall=result.get('wall_seconds'),
        resident=result.get('peak_rss_mb'),
        cuda=result.get('peak_cuda_mb'),
        curve=tuple(map(tuple, result.get('curve') or ())),
        trained=tuple(result.get(TRAINED) or ()),
        packed_ap=result.get('packed_AP'),
        packed_ap50=result.get('packed_AP50'),
        packed_bytes=result.get('packed_bytes'),
        not_packed=result.get('not_packed'),
    )
