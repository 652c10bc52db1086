"""A study of two methods, two rates and two seeds, and what came out."""

from surge_mmdet.analysis.study import Plan, Run

PLAN = Plan(
    config='',
    modules=(),
    methods={'STE': {}, 'polynomial + SURGE': {}},
    baseline='STE',
    tune_seed=0,
    seeds=(1, 2),
    optimizers={'SGD': dict(lrs=(0.1, 0.2))},
)


def result(ap: float) -> dict:
    return dict(AP=ap, AP50=2 * ap)


def tuned() -> dict:
    """After the tuning: STE is best at 0.2, the other at 0.1."""
    names = ('STE', 'polynomial + SURGE')
    values = {
        (names[0], 0.1): 0.1,
        (names[0], 0.2): 0.3,
        (names[1], 0.1): 0.4,
        (names[1], 0.2): 0.2,
    }
    return {Run('SGD', name, lr, 0): result(ap) for (name, lr), ap in values.items()}


def seeded() -> dict:
    """After both seeds."""
    return tuned() | {
        Run('SGD', 'STE', 0.2, 1): result(0.30),
        Run('SGD', 'STE', 0.2, 2): result(0.32),
        Run('SGD', 'polynomial + SURGE', 0.1, 1): result(0.34),
        Run('SGD', 'polynomial + SURGE', 0.1, 2): result(0.38),
    }
