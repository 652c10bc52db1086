"""Runs that nobody trained: made up for tests of the report, and for nothing else."""

import json
import random
from pathlib import Path

from surge_mmdet.analysis.study import Change, Plan, Run
from surge_mmdet.methods import METHODS

NAMES = (
    *('fp32', 'ste', 'surge', 'polynomial', 'polynomial-surge', 'ede', 'ede-surge', 'recu'),
    *('recu-surge', 'norm-preserving', 'tbn'),
)
TRUE = {  # made up
    'FP32': 0.50,
    'STE': 0.38,
    'SURGE': 0.385,
    'polynomial': 0.385,
    'polynomial + SURGE': 0.33,
    'EDE': 0.37,
    'EDE + SURGE': 0.36,
    'ReCU': 0.39,
    'ReCU + SURGE': 0.38,
    'norm-preserving': 0.38,
    'TBN (2-bit input)': 0.42,
    'STE + PKD': 0.43,
}
RATES = (1e-3, 3e-3)
EPOCHS = range(4, 25, 4)


def synthetic_plan(seeds=range(1, 7)) -> Plan:
    """As a plan file would give it, with a distilled method of its own."""
    methods = {METHODS[name].label: METHODS[name].policy() for name in NAMES}
    losses = (dict(type='surge_mmdet.PKD', weight=6.0),)
    return Plan(
        config='configs/synthetic_runs_of_a_test.py',
        modules=('backbone', 'neck'),
        methods=methods | {'STE + PKD': METHODS['ste'].policy()},
        baseline='STE',
        tune_seed=0,
        seeds=tuple(seeds),
        optimizers={'AdamW': dict(optimizer=dict(type='AdamW'), lrs=RATES)},
        changes={'STE + PKD': Change(teacher='FP32', distillation=losses)},
    )


def synthetic_result(method: str, lr: float, seed: int, noise: float = 0.012) -> dict:
    """AP around a made-up mean; seeds share a part of their luck."""
    shared, own = random.Random(seed), random.Random(f'{method} {lr} {seed}')
    ap = TRUE[method] + shared.gauss(0, noise) + own.gauss(0, noise) - 0.05 * (lr == min(RATES))
    curve = [
        [e, round(ap * (e / 24) ** 0.5, 3), round(1.9 * ap * (e / 24) ** 0.5, 3)] for e in EPOCHS
    ]
    return dict(
        AP=curve[-1][1],
        AP50=curve[-1][2],
        skipped=0,
        diverged=False,
        curve=curve,
        seconds=24 * (12.0 + 6 * ('SURGE' in method) + own.random()),
        wall_seconds=600.0,
        peak_cuda_mb=None,
        peak_rss_mb=900.0 + 50 * own.random(),
    )


DIVERGED = dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True, curve=[])
CHANGED = {  # what went wrong, in the same made-up world
    ('polynomial + SURGE', 3): DIVERGED,
    ('TBN (2-bit input)', 2): dict(failed='RuntimeError: something | happened'),
}


def write_synthetic_study(folder: Path, plan: Plan, changed: dict = CHANGED) -> None:
    """``result.json`` of every run of a plan, as the study tool leaves them."""
    for method in plan.methods:
        for seed in (plan.tune_seed, *plan.seeds):
            for lr in RATES if seed == plan.tune_seed else RATES[-1:]:
                result = changed.get((method, seed)) or synthetic_result(method, lr, seed)
                place = folder / Run('AdamW', method, lr, seed).name
                place.mkdir(parents=True)
                (place / 'result.json').write_text(json.dumps(result))


def synthetic_costs(plan: Plan) -> dict:
    """As ``costs.json`` would say it."""
    methods = {
        label: dict(
            flops=1e8,
            bops=8e8 * (policy is not None),
            ops=1.6e8 if policy else 9.6e8,
            megabytes=5.7 if policy else 49.2,
            bytes=4_000_000 if policy else 49_200_000,
            form='packed' if policy else 'PyTorch, float32: all layers are real',
            **{'seconds per image': 0.0097 if policy else 0.029},
        )
        for label, policy in plan.methods.items()
    }
    about = dict(
        command='made up by a test', machine='none', weights='random', threads=1, clock='cpu'
    )
    return dict(about, image='noise', methods=methods)
