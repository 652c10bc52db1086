"""The sentences of a report: never more than the statistics hold."""

import re
from dataclasses import replace

import pytest
from analysis.study.synthetic_study import CHANGED, TRUE, synthetic_plan, write_synthetic_study

from surge_mmdet.analysis.study.report import compare, findings, gather
from surge_mmdet.analysis.study.report.gather import TUNING
from surge_mmdet.analysis.study.report.tables import headline
from surge_mmdet.analysis.study.statistics.sample_size import pooled_sd, seeds_needed


def of(folder, plan, changed={}):
    """(comparisons, sentences) of a made-up study."""
    write_synthetic_study(folder, plan, changed)
    (found,) = compare(gather(plan, folder))
    return found, findings(found)


CLAIM = re.compile(r'^(.+) is (above|below) (.+?), by (?:(\d\.\d+) to (\d\.\d+) AP|an amount)')


@pytest.mark.parametrize('count', [2, 3, 5, 12])
def test_a_difference_is_claimed_if_and_only_if_it_is_resolved(tmp_path, count):
    found, said = of(tmp_path, synthetic_plan(range(1, count + 1)))
    claims = {(m[1], m[3]): m for m in map(CLAIM.match, said) if m}
    resolved = {(each.method, each.base): each for each in found.all if each.resolved}
    assert claims.keys() == resolved.keys()
    for pair, claim in claims.items():
        each = resolved[pair]
        assert each.adjusted < 0.05 and (claim[2] == 'above') == (each.mean > 0)
        if claim[4]:
            low, high = float(claim[4]), float(claim[5])
            assert low == pytest.approx(abs(each.mean) - each.wide, abs=6e-4) and low >= 0
            assert high == pytest.approx(abs(each.mean) + each.wide, abs=6e-4)


def test_two_seeds_resolve_what_is_far_apart_and_twelve_what_is_nearer(tmp_path):
    few, _ = of(tmp_path / 'few', synthetic_plan((1, 2)))
    far = {each.method for each in few.to_baseline if each.resolved}
    assert 'FP32' in far and all(abs(TRUE[name] - TRUE['STE']) > 0.035 for name in far)
    many, said = of(tmp_path / 'many', synthetic_plan(range(1, 13)))
    assert many.of_baseline('FP32').resolved and many.of_baseline('STE + PKD').resolved
    assert any(line.startswith('FP32 is above STE') for line in said)


def test_the_spread_of_all_methods_is_told(tmp_path):
    found, said = of(tmp_path, synthetic_plan(), CHANGED)
    (line,) = [s for s in said if s.startswith('Luck moves')]
    # One method has a diverged run, whose AP of 0 is no luck.
    assert f'deviation of {found.pool.sd:.3f}' in line and '11 methods together' in line
    assert 'polynomial + SURGE' not in found.pool.methods
    assert found.of_baseline('polynomial + SURGE').pooled is None
    assert found.of_baseline('SURGE').pooled == found.pool.contrast({'SURGE': 1, 'STE': -1})


def test_without_two_seeds_no_spread_is_told(tmp_path):
    _, said = of(tmp_path, synthetic_plan((1,)))
    assert not any(s.startswith('Luck moves') for s in said)


def test_what_is_not_resolved_is_told_with_what_may_be_hidden(tmp_path):
    found, said = of(tmp_path, synthetic_plan())
    each = found.of_baseline('SURGE')
    low, high = each.mean - each.wide, each.mean + each.wide
    (line,) = [s for s in said if s.startswith('Not distinguishable from STE')]
    assert not each.resolved and f'SURGE ({low:+.3f} to {high:+.3f})' in line


def test_one_seed_is_no_statement(tmp_path):
    _, said = of(tmp_path, synthetic_plan((1,)))
    assert any(line.startswith('No comparison has two seeds yet') for line in said)
    assert not any(CLAIM.match(line) for line in said)
    assert said[0].startswith('STE reaches an AP of') and 'one seed.' in said[0]


def test_a_method_that_waits_for_its_seeds_is_named(tmp_path):
    lost = {('EDE', seed): dict(failed='x') for seed in (2, 3)}
    _, said = of(tmp_path, synthetic_plan((1, 2, 3)), lost)
    (line,) = [s for s in said if s.startswith('Too few seeds')]
    assert 'EDE against STE' in line and 'FP32' not in line


def test_seeds_without_any_spread_are_not_called_missing(tmp_path):
    same = {
        (method, seed): dict(AP=0.3, AP50=0.5, diverged=False, curve=[])
        for method in TRUE
        for seed in (1, 2)
    }
    _, said = of(tmp_path, synthetic_plan((1, 2)), same)
    assert any('agree to the last digit' in line for line in said)
    assert not any('two seeds yet' in line for line in said)


@pytest.mark.parametrize('ap, told', [(0.004, True), (0.02, False), (0.0, True)])
def test_detectors_that_find_nothing_are_told(tmp_path, ap, told):
    changed = {
        (method, seed): dict(AP=ap * seed / 2, AP50=0.03, diverged=False, curve=[])
        for method in TRUE
        for seed in (1, 2)
    }
    _, said = of(tmp_path, synthetic_plan((1, 2)), changed)
    assert any(line.startswith('No seed of any method reaches') for line in said) == told


def test_who_diverged_is_not_told_to_train_longer(tmp_path):
    diverged = dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True, curve=[])
    changed = {(method, seed): diverged for method in TRUE for seed in (1, 2)}
    _, said = of(tmp_path, synthetic_plan((1, 2)), changed)
    assert not any('Train longer' in line for line in said)


def test_before_the_first_seed_nothing_is_said_of_the_baseline(tmp_path):
    _, said = of(tmp_path, synthetic_plan(()))
    assert said[0] == 'The baseline STE has not been trained on any seed yet.'


def test_lost_runs_and_edges_are_told(tmp_path):
    diverged = dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True, curve=[])
    wrong = {('SURGE', 1): diverged, ('EDE', 0): diverged, ('ReCU', 2): dict(failed='x')}
    _, said = of(tmp_path, synthetic_plan(), wrong)
    text = '\n'.join(said)
    assert '3 runs diverged, 1 among those compared' in text  # EDE at both rates
    assert '1 run failed: in no mean' in text
    assert 'lowest or highest of those tried' in text


def test_a_single_rate_is_no_edge(tmp_path):
    plan = synthetic_plan()
    one = {'AdamW': dict(plan.optimizers['AdamW'], lrs=(3e-3,))}
    found, said = of(tmp_path, replace(plan, optimizers=one))
    assert 'lowest or highest' not in '\n'.join(said)
    assert not any('edge' in str(row['lr']) for row in headline(found).rows)


LUCK = 'The tuning chose by less AP than the standard deviation of a difference'


@pytest.fixture
def section(tmp_path):
    write_synthetic_study(tmp_path, synthetic_plan())
    (found,) = gather(synthetic_plan(), tmp_path)
    return found


def close_calls(section, tuning: dict, method='EDE', **changes):
    """What is said where a method's tuning reached these AP at these rates."""
    (some, *_) = [row for row in section.rows if row.run.method == method and row.part == TUNING]
    others = [row for row in section.rows if (row.run.method, row.part) != (method, TUNING)]
    own = [
        replace(some, run=replace(some.run, lr=lr), **(ap if isinstance(ap, dict) else dict(ap=ap)))
        for lr, ap in tuning.items()
    ]
    found = replace(section, **{**dict(rows=[*others, *own]), **changes})
    lines = [s for s in findings(*compare([found])) if s.startswith(LUCK)]
    return lines[0] if lines else ''


@pytest.mark.parametrize('share, told', [(0.9, True), (1.1, False)])
def test_a_rate_that_was_chosen_by_luck_is_told(section, share, told):
    """Luck moves a difference of two runs; a third rate is further off."""
    gap = share * 2**0.5 * compare([section])[0].pool.sd
    said = close_calls(section, {1e-3: 0.39 - gap, 3e-3: 0.39, 1e-2: 0.2})
    assert (f'EDE (0.003 over 0.001 by {gap:.3f})' in said) == told


def test_a_tie_is_told_as_it_was_chosen(section):
    best = {**section.best, 'EDE': 1e-3}
    assert 'EDE (0.001 over 0.003 by 0.000)' in close_calls(
        section, {1e-3: 0.39, 3e-3: 0.39}, best=best
    )


def test_who_diverged_was_not_chosen_by_luck(section):
    lost = dict(ap=0.0, diverged=True)
    assert 'EDE (' not in close_calls(section, {1e-3: lost, 3e-3: lost})
    best = {method: lr for method, lr in section.best.items() if method != 'EDE'}
    assert 'EDE (' not in close_calls(
        section, {1e-3: 0.39, 3e-3: 0.39}, best=best
    )  # not chosen yet


def test_a_choice_with_a_control_needs_no_other(section):
    plan = section.plan
    adamw = dict(plan.optimizers['AdamW'], own={'slow': (1e-3,)})
    methods = {**plan.methods, 'slow': plan.methods['EDE']}
    plan = replace(plan, methods=methods, optimizers=dict(AdamW=adamw))
    best = {**section.best, 'slow': 1e-3}
    said = close_calls(section, {1e-3: 0.39, 3e-3: 0.39}, plan=plan, best=best)
    assert 'EDE (' not in said


def test_how_many_seeds_a_hundredth_takes_is_told(tmp_path):
    found, said = of(tmp_path, synthetic_plan())
    (line,) = [s for s in said if 'a difference of 0.01 takes' in s]
    sd = pooled_sd([each.values for each in found.to_baseline])
    assert f'{sd:.3f} AP' in line and f'takes {seeds_needed(sd, methods=12)} seeds' in line
