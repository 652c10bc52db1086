"""The upgrade page: each old line does what its row says, each new line works."""

import re
from types import SimpleNamespace

import pytest
from conftest import ROOT
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from torch.optim import SGD

from surge_mmdet.engine.checks.schedule import Part, misfits
from surge_mmdet.engine.checks.surge import check_surge
from surge_mmdet.engine.optim_wrappers import SurgeOptimWrapperConstructor
from surge_mmdet.layers import BinaryConv2d

PAGE = (ROOT / 'docs/get_started/upgrade.md').read_text()
ROWS = [
    [cell.strip().strip('`') for cell in line.strip('|').split(' | ')]
    for line in re.findall(r'^\| `.+\|$', PAGE, re.M)
]
IMPORTS = [row for row in ROWS if row[0].startswith('from ')]
OPTIONS = [row for row in ROWS if re.match(r'(weight_scale|surge)=', row[0])]


def by_old(rows):
    return pytest.mark.parametrize('row', rows, ids=lambda row: row[0])


def build(text: str) -> BinaryConv2d:
    """A layer with these keywords."""
    return eval(f'BinaryConv2d(4, 8, 3, {text})')


def test_every_row_is_tried_here():
    others = [row[0] for row in ROWS if row not in (*IMPORTS, *OPTIONS)]
    assert len(IMPORTS) > 10 and len(OPTIONS) > 4
    assert [re.split(r'[=(]', old)[0] for old in others] == ['optim_wrapper', 'dict']


@by_old(OPTIONS)
def test_an_option_is_read_or_refused_with_the_new_line(row):
    old, new, says = row
    wanted = build(new)
    if says == 'is still read':
        assert str(build(old)) == str(wanted)
        return
    assert says.startswith('is refused')
    with pytest.raises(ValueError) as refused:
        build(old)
    key = re.search(r'\((\w+)', old)[1]
    assert new in str(refused.value) or f'Remove {key} from surge' in str(refused.value)


@by_old(IMPORTS)
def test_an_import_that_moved_names_its_new_place(row):
    old, new = row
    exec(new, {})
    with pytest.raises(ImportError) as refused:
        exec(old, {})
    assert str(refused.value).endswith(f'Write {new}.')


def test_what_took_the_place_of_real_twin_exists():
    from surge_mmdet.analysis import Complexity

    with pytest.raises(ImportError, match='complexity.fp32_twin'):
        from surge_mmdet.analysis import real_twin  # noqa: F401
    assert hasattr(Complexity, 'fp32_twin')


def test_clipping_with_surge_asks_for_the_constructor():
    ((old, new, _),) = [row for row in ROWS if row[0].startswith('optim_wrapper')]
    before, after = ({}, {})
    exec(old, before), exec(new, after)
    options = after['optim_wrapper']
    assert options.pop('constructor') == 'surge_mmdet.SurgeOptimWrapperConstructor'
    assert options == before['optim_wrapper']
    model = BinaryConv2d(4, 8, 3)
    plain = OptimWrapper(SGD(model.parameters(), lr=0.1), **options)
    with pytest.raises(ValueError, match='surge_mmdet.SurgeOptimWrapperConstructor'):
        check_surge(SimpleNamespace(model=model, optim_wrapper=plain))
    cfg = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1), **options)
    apart = SurgeOptimWrapperConstructor(cfg)(model)
    assert check_surge(SimpleNamespace(model=model, optim_wrapper=apart))


@pytest.mark.parametrize('column, warned', [(0, {24}), (1, set())], ids=['old', 'new'])
def test_a_schedule_with_an_end_of_its_own_is_read(column, warned):
    (row,) = [row for row in ROWS if 'CosineAnnealingLR' in row[0]]
    found = set()
    for epochs in (12, 24):
        cfg = eval(row[column])
        own = {'end': epochs, **cfg}  # as a Runner fills it in
        optimizer = SGD(BinaryConv2d(4, 8, 3).parameters(), lr=0.1)
        scheduler = PARAM_SCHEDULERS.build(own, default_args=dict(optimizer=optimizer))
        if misfits([Part(scheduler, 'param_scheduler', cfg, 4, epochs)]):
            found.add(epochs)
    assert found == warned
