"""Which differences a report makes of a study's runs."""

from dataclasses import replace

import pytest
from analysis.study.synthetic_study import synthetic_plan, write_synthetic_study

from surge_mmdet.analysis.study.plan import ALLOWED
from surge_mmdet.analysis.study.report import compare, gather, pairs
from surge_mmdet.analysis.study.report.gather import DIVERGED, FAILED, SEEDS, TUNING
from surge_mmdet.methods import METHODS


@pytest.fixture(scope='module')
def section(tmp_path_factory):
    folder = tmp_path_factory.mktemp('study')
    plan = synthetic_plan()
    write_synthetic_study(folder, plan)
    (found,) = gather(plan, folder)
    return found


def twins(plan):
    """Method with SURGE to the same without."""
    return {pair.method: pair.bare for pair in pairs(plan, 'AdamW')}


def test_every_named_method_with_surge_has_its_twin():
    plan = replace(synthetic_plan(), methods={m.label: m.policy() for m in METHODS.values()})
    plan = replace(plan, changes={})
    found = twins(plan)
    named = {m.label: m for m in METHODS.values()}
    assert found['SURGE'] == found['tied'] == found['norm-preserving'] == 'STE'
    for name, method in METHODS.items():
        if name.endswith('-surge'):
            assert found[method.label] == METHODS[name.removesuffix('-surge')].label
    assert found.keys() == {label for label, method in named.items() if method.has_surge}


def test_a_taught_method_is_no_twin_of_one_without_a_teacher():
    plan = synthetic_plan()
    taught = plan.changes['STE + PKD']
    both = {'SURGE + PKD': METHODS['surge'].policy()}
    with_both = replace(
        plan, methods=plan.methods | both, changes=plan.changes | {'SURGE + PKD': taught}
    )
    assert twins(with_both)['SURGE + PKD'] == 'STE + PKD'
    allowed = replace(taught, config={ALLOWED: True})
    lifted = replace(with_both, changes=with_both.changes | {'SURGE + PKD': allowed})
    assert twins(lifted)['SURGE + PKD'] == 'STE + PKD'
    wider = replace(taught, config={'model.neck.out_channels': 32})
    other = replace(with_both, changes=with_both.changes | {'SURGE + PKD': wider})
    assert 'SURGE + PKD' not in twins(other)
    only = replace(plan, methods=plan.methods | both, changes={'SURGE + PKD': taught})
    assert 'SURGE + PKD' not in twins(only)


def test_each_comparison_is_made_once(section):
    (found,) = compare([section])
    pairs = [(each.method, each.base) for each in found.all]
    assert len(pairs) == len(set(pairs)) == 15
    assert {base for _, base in pairs} == {
        *('STE', 'polynomial', 'EDE', 'ReCU', 'the same without')
    }
    assert {each.family for each in found.all} == {15}
    assert len(found.with_surge) == 5  # SURGE, norm-preserving, and three with a twin of their own


def test_the_family_is_the_whole_report(section):
    both = compare([section, replace(section, title='another')])
    assert {each.family for one in both for each in one.all} == {30}


def test_overall_is_the_mean_over_the_methods_of_each_seed(section):
    (overall,) = compare([section])[0].overall
    pairs = ('SURGE', 'STE'), ('polynomial + SURGE', 'polynomial'), ('EDE + SURGE', 'EDE')
    pairs += (('ReCU + SURGE', 'ReCU'),)
    for seed, value in overall.differences.items():
        each = [section.values(a)[seed] - section.values(b)[seed] for a, b in pairs]
        assert value == pytest.approx(sum(each) / 4)
    assert set(overall.differences) == set(section.plan.seeds)


def test_each_eta_has_an_overall_of_its_own(section):
    strong = {}
    for method in ('SURGE', 'EDE + SURGE'):
        layer = section.plan.methods[method]['layer']
        strong[method] = dict(layer=dict(layer, surge=dict(eta=0.3)))
    plan = replace(section.plan, methods={**section.plan.methods, **strong})
    found = compare([replace(section, plan=plan)])[0].overall
    by_name = {each.method: each.differences for each in found}
    for label, of in {
        'SURGE on top, mean of 2 methods (eta 0.3)': (('SURGE', 'STE'), ('EDE + SURGE', 'EDE')),
        'SURGE on top, mean of 2 methods': (
            ('polynomial + SURGE', 'polynomial'),
            ('ReCU + SURGE', 'ReCU'),
        ),
    }.items():
        for seed, value in by_name.pop(label).items():
            each = [section.values(a)[seed] - section.values(b)[seed] for a, b in of]
            assert value == pytest.approx(sum(each) / 2)
    assert not by_name


SLOW = 'EDE, slow'


def with_control(section, first=False, gain=0.05, **changes):
    """EDE was tuned to another rate than EDE + SURGE; a control has that of its twin."""
    plan, own = section.plan, {SLOW: section.plan.methods['EDE']}
    methods = {**own, **plan.methods} if first else {**plan.methods, **own}
    adamw = dict(plan.optimizers['AdamW'], own={SLOW: (3e-3,)})
    plan = replace(plan, methods=methods, optimizers=dict(AdamW=adamw))
    rows = [
        replace(row, run=replace(row.run, method=SLOW), ap=row.ap + gain)
        for row in section.rows
        if row.run.method == 'EDE' and row.part == SEEDS
    ]
    best = {**section.best, 'EDE': 1e-3, SLOW: 3e-3}
    found = dict(plan=plan, best=best, rows=[*section.rows, *rows])
    return replace(section, **{**found, **changes})


@pytest.mark.parametrize('first', [False, True])
def test_a_method_at_two_rates_is_compared_at_both_and_counts_once(section, first):
    (found,) = compare([with_control(section, first)])
    asked = {(each.method, each.base) for each in found.all}
    assert {('EDE + SURGE', 'EDE'), ('EDE + SURGE', SLOW), (SLOW, 'STE')} < asked
    tuned, one = found.overall
    assert tuned.method == 'SURGE on top, mean of 4 methods'
    assert one.method == 'SURGE on top at one rate, mean of 4 methods'
    (plain,) = compare([section])[0].overall
    assert tuned.differences == pytest.approx(plain.differences)
    for seed, value in one.differences.items():
        assert value == pytest.approx(tuned.differences[seed] - 0.05 / 4)
    assert len(found.with_surge) == 6


def test_the_family_is_that_of_the_plan_whatever_is_finished(section):
    whole = with_control(section)
    untrained = [row for row in whole.rows if row.run.method != SLOW]
    states = {
        'finished': whole,
        'no control': replace(whole, rows=untrained),
        'no seed': replace(whole, rows=[row for row in whole.rows if row.part == TUNING]),
        'nothing': replace(whole, rows=[], best={}),
        'one rate': replace(whole, best={**whole.best, 'EDE': 3e-3}),
    }
    families = {name: {e.family for e in compare([each])[0].all} for name, each in states.items()}
    assert set(map(tuple, families.values())) == {(18,)}
    for name in ('no control', 'no seed', 'nothing'):
        assert not compare([states[name]])[0].overall[1].values


def test_controls_of_both_sides_are_paired_at_one_rate_only(section):
    other = 'EDE + SURGE, fast'
    whole = with_control(section)
    methods = {**whole.plan.methods, other: whole.plan.methods['EDE + SURGE']}
    own = {SLOW: (3e-3,), other: (1e-3,)}
    adamw = dict(whole.plan.optimizers['AdamW'], own=own)
    plan = replace(whole.plan, methods=methods, optimizers=dict(AdamW=adamw))
    found = [(p.method, p.bare, p.tuned) for p in pairs(plan, 'AdamW') if 'EDE' in p.method]
    assert found == [
        ('EDE + SURGE', 'EDE', True),
        ('EDE + SURGE', SLOW, False),
        (other, 'EDE', False),
    ]
    same = dict(adamw, own={SLOW: (3e-3,), other: (3e-3,)})
    found = pairs(replace(plan, optimizers=dict(AdamW=same)), 'AdamW')
    assert (other, SLOW) in [(pair.method, pair.bare) for pair in found]


def test_a_mean_at_one_rate_leaves_out_who_has_none(section):
    """ReCU's rates differ and it has no control."""
    whole = with_control(section)
    (found,) = compare([replace(whole, best={**whole.best, 'ReCU': 1e-3})])
    assert [each.method for each in found.overall] == [
        'SURGE on top, mean of 4 methods',
        'SURGE on top at one rate, mean of 3 methods',
    ]


def test_one_training_under_two_labels_counts_once_in_the_spread(section):
    whole = with_control(section, gain=0)
    same = replace(whole, best={**whole.best, 'EDE': 3e-3})
    assert compare([same])[0].pool.methods == compare([section])[0].pool.methods
    assert SLOW in compare([whole])[0].pool.methods


def test_overall_waits_for_a_second_method(section):
    rows = [row for row in section.rows if ' + SURGE' not in row.run.method]
    found = compare([replace(section, rows=rows)])[0]
    assert found.of_baseline('SURGE').values and not found.overall[0].values
    assert found.overall[0].family == 15


def test_what_went_wrong_is_counted_as_the_report_says(section):
    assert section.values('polynomial + SURGE')[3] == 0
    assert 2 not in section.values('TBN (2-bit input)')
    assert [row.run.seed for row in section.lost(DIVERGED)] == [3]
    (failed,) = section.lost(FAILED)
    assert failed.run.method == 'TBN (2-bit input)' and 'something' in failed.failed
    found = compare([section])[0].of_baseline('TBN (2-bit input)')
    assert set(found.differences) == set(section.plan.seeds) - {2}


def test_the_tuning_is_in_no_comparison(section):
    tuned = [row for row in section.rows if row.part == TUNING]
    compared = [row for row in section.rows if row.part == SEEDS]
    assert {row.run.seed for row in tuned} == {0} and len(tuned) == 24
    assert {row.run.seed for row in compared} == set(section.plan.seeds)
    assert {row.run.lr for row in compared} == {3e-3}
    assert section.at_edge('STE')


def test_results_of_older_releases_are_read(tmp_path):
    plan = synthetic_plan(seeds=(1, 2))
    old = dict(AP=0.3, AP50=0.6, skipped=0, diverged=False)
    write_synthetic_study(tmp_path, plan, {(m, s): old for m in plan.methods for s in (1, 2)})
    (found,) = gather(plan, tmp_path)
    row = found.seeds('STE')[0]
    assert (row.ap, row.curve, row.epochs, row.seconds, row.resident) == (0.3, (), None, None, None)
