"""A plan's optimizer that does not exist, or has other options."""

import pytest
import torch
from mmdet.registry import OPTIMIZERS
from mmengine.registry import DefaultScope

from surge_mmdet.engine.checks.optimizer import require_optimizer


@pytest.mark.parametrize(
    'given, told',
    [
        (
            dict(type='AdamWW', lr=1e-3, betas=(0.9, 0.99)),
            r"unknown 'AdamWW'.*Write optimizer=dict\(type='AdamW', betas=\(0.9, 0.99",
        ),
        (
            dict(type='SGD', lr=1e-3, wieght_decay=0.05, momentum=0.9),
            r"A: SGD: unknown 'wieght_decay'.*dict\(type='SGD', weight_decay=0.05, momentum=0.9\)",
        ),
        (
            dict(type='AdamW', lr=1e-3, momentum=0.9, eps=1e-8),
            r"A: AdamW: unknown 'momentum'.*Write optimizer=dict\(type='AdamW', eps=1e-08\)",
        ),
        (dict(type=3), 'unknown 3.*Write optimizer=dict'),
    ],
)
def test_what_does_not_exist_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        require_optimizer('A', given)


def test_what_exists_is_taken():
    require_optimizer('A', dict(type=torch.optim.SGD, lr=1e-3, momentum=0.9))
    require_optimizer('A', dict(type='AdamW', lr=1e-3, weight_decay=0.05, betas=(0.9, 0.99)))


def test_optimizers_of_the_scope_are_found():
    class MyOptimizer(torch.optim.SGD):
        """An optimizer of a user, in mmdet's registry."""

    OPTIMIZERS.register_module(module=MyOptimizer)
    try:
        with DefaultScope.overwrite_default_scope('mmdet'):
            require_optimizer('A', dict(type='MyOptimizer', lr=0.1, momentum=0.9))
        require_optimizer('A', dict(type='MyOptimizer', _scope_='mmdet', lr=0.1))
    finally:
        del OPTIMIZERS.module_dict['MyOptimizer']
