"""A plan's optimizer that does not exist, or has other options."""

import pytest

from surge_mmdet.analysis.study.runs.optimizer import require_optimizer


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
    ],
)
def test_what_does_not_exist_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        require_optimizer('A', given)


def test_what_exists_is_taken():
    require_optimizer('A', dict(type='AdamW', lr=1e-3, weight_decay=0.05, betas=(0.9, 0.99)))
