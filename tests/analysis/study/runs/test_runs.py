"""The study: which runs, which rate, which difference."""

from dataclasses import replace

from analysis.study.small_study import PLAN, result, tuned

from surge_mmdet.analysis.study import Change, Run
from surge_mmdet.analysis.study.runs import (
    all_runs,
    best_rates,
    has_students,
    is_ready,
    seed_runs,
    teacher_run,
    tuning_runs,
)


def test_names_are_folders_and_differ():
    runs = tuning_runs(PLAN, 'SGD')
    assert len(runs) == len({run.name for run in runs}) == 4
    assert Run('SGD', 'polynomial + SURGE', 0.1, 0).name == ('SGD_polynomial-and-SURGE_lr0.1_seed0')


def test_each_method_gets_its_own_rate():
    assert best_rates(tuned(), PLAN, 'SGD') == {'STE': 0.2, 'polynomial + SURGE': 0.1}


def test_nothing_is_chosen_before_all_rates_are_done():
    results = tuned()
    results.pop(Run('SGD', 'STE', 0.1, 0))
    best = best_rates(results, PLAN, 'SGD')
    assert best == {'polynomial + SURGE': 0.1}
    assert {run.method for run in seed_runs(PLAN, 'SGD', best)} == {'polynomial + SURGE'}


def test_the_tuning_seed_is_not_among_those_compared():
    runs = seed_runs(PLAN, 'SGD', best_rates(tuned(), PLAN, 'SGD'))
    assert [run.seed for run in runs] == [1, 1, 2, 2]
    assert PLAN.tune_seed not in {run.seed for run in runs}


def test_a_method_may_have_rates_of_its_own_or_none():
    own = {'STE': (0.2,), 'polynomial + SURGE': ()}
    plan = replace(PLAN, optimizers={'SGD': dict(lrs=(0.1, 0.2), own=own)})
    assert best_rates(tuned(), plan, 'SGD') == {'STE': 0.2}
    assert {run.method for run in seed_runs(plan, 'SGD', {'STE': 0.2})} == {'STE'}


def test_a_single_rate_needs_no_choice():
    plan = replace(PLAN, optimizers={'SGD': dict(lrs=(0.2,), own={'STE': (0.1, 0.2)})})
    assert [(run.method, run.lr) for run in tuning_runs(plan, 'SGD')] == [
        ('STE', 0.1),
        ('STE', 0.2),
    ]
    assert best_rates({}, plan, 'SGD') == {'polynomial + SURGE': 0.2}
    assert [plan.count('SGD', name) for name in plan.methods] == [4, 2]


def test_a_teacher_with_a_single_rate_is_trained_where_its_student_is_tuned():
    own = {'STE': (0.2,)}
    plan = replace(TAUGHT, optimizers={'SGD': dict(lrs=(0.1, 0.4), own=own)})
    teacher = Run('SGD', 'STE', 0.2, 0)
    assert tuning_runs(plan, 'SGD')[0] == teacher and plan.count('SGD', 'STE') == 3
    best = best_rates({}, plan, 'SGD')
    assert not is_ready(plan, STUDENT, best, {})
    assert is_ready(plan, STUDENT, best, {teacher: result(0.3)})
    assert has_students(plan, teacher, best, {teacher: result(0.3)})
    alone = replace(plan, optimizers={'SGD': dict(lrs=(0.1,), own=own)})
    assert not tuning_runs(alone, 'SGD')
    assert len(tuning_runs(replace(alone, seeds=()), 'SGD')) == 2  # or nothing would be trained


TAUGHT = replace(
    PLAN, changes={'polynomial + SURGE': Change(teacher='STE', distillation=(dict(type='PKD'),))}
)
STUDENT = Run('SGD', 'polynomial + SURGE', 0.1, 0)


def test_methods_are_trained_one_after_the_other():
    runs = all_runs(PLAN, 'SGD', best_rates(tuned(), PLAN, 'SGD'))
    assert [run.method for run in runs] == ['STE'] * 4 + ['polynomial + SURGE'] * 4
    assert [run.seed for run in runs] == [0, 0, 1, 2] * 2


def test_a_student_waits_for_the_best_run_of_its_teacher():
    results = tuned()
    best = best_rates(results, TAUGHT, 'SGD')
    assert teacher_run(TAUGHT, STUDENT, best) == Run('SGD', 'STE', 0.2, 0)
    assert is_ready(TAUGHT, STUDENT, best, results)
    later = replace(STUDENT, seed=1)
    assert teacher_run(TAUGHT, later, best) == Run('SGD', 'STE', 0.2, 1)
    assert not is_ready(TAUGHT, later, best, results)
    results.pop(Run('SGD', 'STE', 0.1, 0))
    best = best_rates(results, TAUGHT, 'SGD')
    assert teacher_run(TAUGHT, STUDENT, best) is None
    assert not is_ready(TAUGHT, STUDENT, best, results)


def test_a_teacher_is_kept_until_its_students_are_done():
    def kept(results, lr, seed) -> bool:
        best = best_rates(results, TAUGHT, 'SGD')
        return has_students(TAUGHT, Run('SGD', 'STE', lr, seed), best, results)

    untuned = {run: found for run, found in tuned().items() if run.method == 'STE'}
    assert kept(untuned, 0.2, 0) and not kept(untuned, 0.1, 0)
    untuned.pop(Run('SGD', 'STE', 0.1, 0))
    assert kept(untuned, 0.2, 0)  # which one is the best is not known
    assert not kept(tuned(), 0.2, 0)  # the tuning of the students is done
    assert kept(tuned(), 0.2, 1)
    done = tuned() | {Run('SGD', 'polynomial + SURGE', 0.1, 1): result(0.3)}
    assert not kept(done, 0.2, 1) and kept(done, 0.2, 2)
    assert not has_students(PLAN, Run('SGD', 'STE', 0.2, 1), {}, {})


def test_a_teachers_seed_that_its_student_lacks_is_needed_by_nobody():
    plan = replace(TAUGHT, more_seeds={'STE': (3,)})
    results = tuned() | {Run('SGD', 'STE', 0.2, seed): result(0.3) for seed in plan.seeds_of('STE')}
    best = best_rates(results, plan, 'SGD')
    assert has_students(plan, Run('SGD', 'STE', 0.2, 2), best, results)
    assert not has_students(plan, Run('SGD', 'STE', 0.2, 3), best, results)


def test_a_beaten_rate_teaches_nobody_although_others_are_to_be_tried():
    rates = dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(0.1, 0.2, 0.4)))
    plan = replace(TAUGHT, optimizers=rates)
    better, worse = Run('SGD', 'STE', 0.2, 0), Run('SGD', 'STE', 0.1, 0)
    found = {worse: result(0.3), better: result(0.4)}
    assert has_students(plan, better, {}, found) and not has_students(plan, worse, {}, found)
    assert has_students(plan, worse, {}, {worse: result(0.3)})  # alone it may be the best


def test_more_seeds_of_some_come_once_everyone_has_its_own():
    plan = replace(PLAN, more_seeds={'STE': (3, 4)})
    runs = all_runs(plan, 'SGD', best_rates(tuned(), plan, 'SGD'))

    assert runs[:-2] == all_runs(PLAN, 'SGD', best_rates(tuned(), PLAN, 'SGD'))
    assert [(run.method, run.seed) for run in runs[-2:]] == [('STE', 3), ('STE', 4)]
    assert [plan.count('SGD', name) for name in plan.methods] == [6, 4]
    assert plan.all_seeds == (1, 2, 3, 4)
