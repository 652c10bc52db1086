"""Order, locks and folders of a study's trainings."""

import fcntl
import inspect
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from surge_mmdet.analysis.study import Run, Study, load_plan, run_config
from surge_mmdet.analysis.study.runs import outcome, read_results
from surge_mmdet.analysis.study.runs.process import (
    remove_last_checkpoint,
    train_config,
    write_config,
)
from surge_mmdet.analysis.study.runs.results import DIVERGED, write_tables
from surge_mmdet.engine import NonFiniteStepHook


@pytest.fixture(scope='module')
def plan():
    return load_plan(str(ROOT / 'tools/benchmark/plans/bccd.py'), ROOT)


@pytest.fixture
def study(plan, tmp_path):
    return Study(plan, tmp_path, ROOT / 'tools/train.py')


def leave(folder, run: Run, ap: float) -> None:
    (folder / run.name).mkdir()
    (folder / run.name / 'result.json').write_text(
        json.dumps(dict(AP=ap, AP50=ap, skipped=0, diverged=False))
    )


def test_seeds_wait_for_the_rate(study):
    plan, rates = study.plan, study.plan.optimizers['SGD']['lrs']
    assert {run.seed for run in study.pending('SGD')} == {plan.tune_seed}
    for lr in rates:
        leave(study.folder, Run('SGD', 'STE', lr, plan.tune_seed), lr)
    ready = [run for run in study.pending('SGD') if run.seed != plan.tune_seed]
    assert [(run.method, run.lr) for run in ready] == [('STE', max(rates))] * len(plan.seeds)


def test_two_processes_take_different_runs(study):
    first, lock = study.next_run(['SGD'])
    second, other = study.next_run(['SGD'])
    lock.close()
    again, third = study.next_run(['SGD'])
    assert first == again != second
    fcntl.flock(third, fcntl.LOCK_UN)
    other.close(), third.close()


def test_a_training_holds_the_lock_without_its_parent(study):
    _, lock = study.next_run(['SGD'])
    child = subprocess.Popen(
        [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
    )
    first = lock.name
    lock.close()  # as a killed parent does
    _, second = study.next_run(['SGD'])
    assert second.name != first
    second.close()
    child.communicate(b'\n')
    _, third = study.next_run(['SGD'])
    assert third.name == first
    third.close()


def test_ctrl_c_while_a_config_is_formatted_is_no_broken_config(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', stopped)
    with pytest.raises(KeyboardInterrupt):
        write_config(Config(dict(a=1), format_python_code=True), tmp_path)
    assert not list(tmp_path.rglob('*.py'))


def test_a_folder_of_another_config_is_refused(plan, tmp_path):
    cfg = run_config(plan, Run('SGD', 'STE', 0.1, 0), {})
    write_config(cfg, tmp_path)
    write_config(cfg, tmp_path)  # as a resumed study does
    cfg.train_cfg.max_epochs = 1
    with pytest.raises(
        ValueError, match='train_cfg.max_epochs was 6 and is 1. .*another --work-dir'
    ):
        write_config(cfg, tmp_path)
    assert [p.name for p in tmp_path.rglob('*') if p.is_file()] == ['run.py']


def test_a_run_goes_on_with_and_without_its_packed_validation(plan, tmp_path):
    run = Run('SGD', 'STE', 0.1, 7)
    for packed in (False, True, False):  # earlier releases had none
        write_config(run_config(plan, run, {}, packed=packed), tmp_path)
        assert ('PackedValHook' in (tmp_path / 'planned/run.py').read_text()) == packed
    cfg = run_config(plan, run, {})
    cfg.default_hooks.checkpoint.interval = 2
    with pytest.raises(ValueError, match='checkpoint.interval was 1 and is 2'):
        write_config(cfg, tmp_path)


def test_what_the_packed_detector_has_reached_is_read(tmp_path):
    log = tmp_path / '20260101_000000/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(
        '{"loss": 1.0, "time": 1.0, "iter": 1}\n'
        '{"coco/bbox_mAP": 0.5, "coco/bbox_mAP_50": 0.7, "step": 1}\n'
    )
    assert not [key for key in outcome(tmp_path, 0) if 'packed' in key]
    file = tmp_path / 'packed_val.json'
    metrics = {'coco/bbox_mAP': 0.4, 'coco/bbox_mAP_50': 0.6}
    file.write_text(json.dumps(dict(bytes=7, kept={}, metrics=metrics)))
    found = outcome(tmp_path, 0)
    assert (found['AP'], found['packed_AP'], found['packed_AP50']) == (0.5, 0.4, 0.6)
    assert found['packed_bytes'] == 7
    file.write_text(json.dumps(dict(bytes=7, kept={}, metrics={})))
    assert outcome(tmp_path, 0)['packed_AP'] == 0.0  # nothing at all is detected
    kept = dict(a='ternary', b='two\nlines | bars', c='ternary')
    file.write_text(json.dumps(dict(bytes=7, kept=kept, metrics=metrics)))
    assert outcome(tmp_path, 0)['not_packed'] == '3 layers: ternary; two lines / bars'
    file.write_text(json.dumps(dict(why='NaN')))
    assert outcome(tmp_path, 0)['not_packed'] == 'NaN'
    assert 'packed_AP' not in outcome(tmp_path, 0)


def test_a_failed_training_shows_its_last_line(tmp_path):
    tool = tmp_path / 'train.py'
    tool.write_text("raise KeyError('no such data')")
    with open(tmp_path / 'lock', 'w') as lock:
        with pytest.raises(RuntimeError, match="^KeyError: 'no such data'$"):
            train_config(tmp_path, tool, lock)


def test_a_run_without_its_validation_is_not_finished(tmp_path):
    log = tmp_path / 'time/vis_data'
    log.mkdir(parents=True)
    (log / 'scalars.json').write_text('{"loss": 1.0, "iter": 1}\n')
    assert outcome(tmp_path, 0) is None


def test_a_diverged_run_counts_as_nothing_found(tmp_path):
    assert DIVERGED in inspect.getsource(NonFiniteStepHook)
    (tmp_path / 'output.txt').write_text(f'x\n{DIVERGED}. y')
    assert outcome(tmp_path, 1) == dict(AP=0.0, AP50=0.0, skipped=-1, diverged=True, curve=[])
    (tmp_path / 'output.txt').write_text('KeyError')
    assert outcome(tmp_path, 1) is None


def test_rates_beside_the_grid_are_read_back(plan, tmp_path):
    own = {**plan.optimizers['SGD'], 'own': {'STE': (0.5,)}}
    beside = replace(plan, optimizers=dict(SGD=own))
    run = Run('SGD', 'STE', 0.5, plan.tune_seed)
    leave(tmp_path, run, 0.3)
    assert run in read_results(beside, tmp_path)
    assert '| lr 0.5 |' in write_tables(beside, tmp_path, machine='this one')
    record = json.loads((tmp_path / 'record.json').read_text())
    assert record['machine'] == 'this one'
    assert set(record['tables']) == {'SGD_rates', 'SGD_seeds'}


def test_without_the_last_checkpoint_a_resume_follows_the_one_before(tmp_path):
    for epoch in (9, 10):
        (tmp_path / f'epoch_{epoch}.pth').touch()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_10.pth'))
    remove_last_checkpoint(tmp_path)
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_9.pth')
    remove_last_checkpoint(tmp_path)
    assert find_latest_checkpoint(str(tmp_path)) is None and not list(tmp_path.iterdir())
