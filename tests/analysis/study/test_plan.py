"""Plans: named and own methods, the old word, and what is refused."""

import pytest
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.analysis.study import Change, load_plan, read_methods
from surge_mmdet.methods import METHODS

PLAN = ROOT / 'tools/benchmark/plans/bccd.py'
OWN = dict(layer=dict(surge=dict(eta=1.0)))


def load(folder, changes: dict):
    """The shipped plan with these lines changed, or without those of None."""
    values = Config.fromfile(PLAN).to_dict() | changes
    Config({k: v for k, v in values.items() if v is not None}).dump(folder / 'plan.py')
    return load_plan(str(folder / 'plan.py'), ROOT)


def test_named_methods_have_the_options_of_the_list():
    plan = load_plan(str(PLAN), ROOT)
    assert plan.baseline == 'STE'
    named = [METHODS[word] for word in Config.fromfile(PLAN).methods]
    assert plan.methods == {method.label: method.policy() for method in named}
    assert not plan.changes
    assert plan.rates('AdamW', 'norm-preserving') == (3e-3, 1e-2, 3e-2)
    assert plan.rates('SGD', 'FP32') == ()


def test_own_methods_stand_beside_named_ones():
    found, changes = read_methods(['fp32', {'eta 1': OWN, 'real': None}, 'surge'])
    assert list(found) == ['FP32', 'eta 1', 'real', 'SURGE']
    assert found['eta 1'] == OWN and found['FP32'] is found['real'] is None
    assert all(change == Change() for change in changes.values())
    assert read_methods({'eta 1': OWN})[0] == {'eta 1': OWN}


def test_plans_of_release_0_2_still_work(tmp_path):
    old = dict(
        methods=None,
        contestants={'FP32': None, 'STE': dict(layer=dict(surge=None)), 'mine': OWN},
        baseline='STE',
        optimizers={'SGD': dict(optimizer=dict(type='SGD'), lrs=(0.1,), own={'mine': (0.2,)})},
    )
    plan = load(tmp_path, old)
    assert plan.methods == old['contestants'] and plan.baseline == 'STE'
    assert plan.rates('SGD', 'mine') == (0.2,)
    with pytest.raises(ValueError, match='Write methods alone'):
        load(tmp_path, old | dict(methods=['ste']))


def test_the_old_path_of_the_shipped_plan_is_redirected(capsys):
    old = 'configs/ablation/plan_bccd.py'
    assert not (ROOT / old).exists()
    assert load_plan(old, ROOT) == load_plan(str(ROOT / old), ROOT) == load_plan(str(PLAN), ROOT)
    told = capsys.readouterr().err
    assert f'{old} has moved to tools/benchmark/plans/bccd.py' in told


@pytest.mark.parametrize('path', ['nothing.py', str(ROOT / 'README.md')])
def test_a_path_that_is_no_plan_shows_one_that_is(path):
    with pytest.raises(ValueError, match=f'{path} is no plan. Write run_study.py tools/bench'):
        load_plan(path, ROOT)


@pytest.mark.parametrize(
    'change, text',
    [
        (dict(baseline='STEE'), "'STEE' is no method of the plan. Write baseline='STE'"),
        (dict(baseline='tied', methods=['ste', 'surge']), "'tied' is no method of the plan"),
        (dict(modules=None), r"lacks these lines:\nmodules = \('backbone'"),
        (dict(methods=None), r"lacks these lines:\nmethods = \['ste', "),
        (dict(config='nothing.py'), r'is no file\. Write .*, such as config = .configs/'),
        (dict(seeds=1), r'write seeds=\(1, \)'),
        (dict(seeds=(0, 1)), r'Write seeds=\(1,\)'),
        (dict(methods='ste'), r"write methods=\('ste', \)"),
        (dict(methods=['ste', 'tide']), "unknown 'tide'.*Write 'tied'"),
        (dict(methods=['ste', 'ste']), r"'STE' has no .*Write {'STE 2': {'layer'"),
        (
            dict(methods=['ste', {'a b': None, 'a-b': None}]),
            r"'a-b' has no .*Write {'a-b 2': None}",
        ),
        (dict(methods=['ste', {'a/b': None}]), r"'a/b' has no .*Write {'a-b 2': None}"),
        (dict(optimizers=dict(SGD=dict(lrs=(1,)))), 'needs optimizer and lrs'),
        (dict(optimizers=dict(SGD=dict(optimizer={}, lrs=0.1))), r'Write \(0.1, \)'),
        (
            dict(optimizers=dict(SGD=dict(optimizer={}, lrs=(1,), own=dict(STE=())))),
            'leaves the baseline',
        ),
        (
            dict(optimizers=dict(SGD=dict(optimizer={}, lrs=(1,), own=dict(tide=(1,))))),
            r"Write own={'tied': \[?\(?1",
        ),
    ],
)
def test_a_broken_plan_is_named(tmp_path, change, text):
    with pytest.raises(ValueError, match=text):
        load(tmp_path, change)
