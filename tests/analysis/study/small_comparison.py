"""A comparison whose trainings take no time: three methods, one taught by another."""

import time
from pathlib import Path

from conftest import ROOT

from surge_mmdet.analysis.study import Change, Comparison, Plan, Study

FAKE = Path(__file__).with_name('fake_train.py')
CONFIG = ROOT / 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
BINARY = dict(layer=dict(surge=None))
PKD = (dict(type='surge_mmdet.PKD', weight=6.0),)
PLAN = Plan(
    config=str(CONFIG),
    modules=('backbone', 'neck', 'rpn_head'),
    methods={'student': BINARY, 'STE': BINARY, 'FP32': None},
    baseline='STE',
    tune_seed=0,
    seeds=(1, 2),
    optimizers={'SGD': dict(optimizer=dict(type='SGD'), lrs=(0.1, 0.2))},
    changes={'student': Change(teacher='FP32', distillation=PKD)},
)
RUNS = 3 * (2 + 2)
QUICK = {'train_cfg.max_epochs': 2, 'train_cfg.val_interval': 1}


def study(folder: Path, plan: Plan = PLAN, **options) -> Study:
    """As a process of now begins it; ``options`` are those of fake_train.py."""
    fake = {f'fake.{key}': value for key, value in options.items()}
    return Study(plan, folder, FAKE, {**QUICK, **fake}, started=time.time())


def comparison(folder: Path, plan: Plan = PLAN, **options) -> Comparison:
    """One study in a folder, which looks often."""
    return Comparison([study(folder, plan, **options)], ['SGD'], poll=0.05)


def starts(folder: Path) -> dict:
    """Name of each run to what its trainings have printed at their start."""
    found = {}
    for output in sorted(folder.glob('*/output.txt')):
        lines = output.read_text().splitlines()
        found[output.parent.name] = [ln.split()[1:] for ln in lines if ln.startswith('starts')]
    return found
