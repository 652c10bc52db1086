"""The sentences of a report: never more than the statistics hold."""

import re
from dataclasses import replace

import pytest
from analysis.study.synthetic_study import CHANGED, TRUE, synthetic_plan, write_synthetic_study

from surge_mmdet.analysis.study.report import compare, findings, gather
from surge_mmdet.analysis.study.report.gather import TUNING
from surge_mmdet.analysis.study.report.tables import headline
from surge_mmdet.analysis.study.statistics.power import pooled_sd, seeds_needed


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


def test_a_rate_that_was_chosen_by_luck_is_told(tmp_path):
    """EDE's rates differ by less than the spread; all others by the 0.05 of the made-up world."""
    plan, luck = synthetic_plan(), 'The tuning chose by less AP than luck'
    _, said = of(tmp_path / 'far', plan)
    assert not any(line.startswith(luck) and 'EDE (' in line for line in said)
    write_synthetic_study(tmp_path / 'near', plan)
    (section,) = gather(plan, tmp_path / 'near')
    rows = [
        replace(row, ap=0.39 + row.run.lr)  # 0.391 and 0.393
        if row.run.method == 'EDE' and row.part == TUNING
        else row
        for row in section.rows
    ]
    (line,) = [s for s in findings(*compare([replace(section, rows=rows)])) if s.startswith(luck)]
    assert 'EDE (0.003 over 0.001 by 0.002)' in line and 'a second label' in line


def test_how_many_seeds_a_hundredth_takes_is_told(tmp_path):
    found, said = of(tmp_path, synthetic_plan())
    (line,) = [s for s in said if 'a difference of 0.01 takes' in s]
    sd = pooled_sd([each.values for each in found.to_baseline])
    assert f'{sd:.3f} AP' in line and f'takes {seeds_needed(sd, methods=12)} seeds' in line
