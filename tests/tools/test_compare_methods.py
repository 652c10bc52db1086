"""The tool: what it refuses and prints, and real trainings with a teacher."""

import json
import os
import runpy
import subprocess
import sys

import pytest
from conftest import ROOT, tiny_config
from mmengine.config import Config

from surge_mmdet.analysis.study import Comparison

TOOL = ROOT / 'tools/benchmark/compare_methods.py'
PLAN = ROOT / 'tools/benchmark/plans/field_bccd.py'
PKD = dict(type='surge_mmdet.PKD', weight=6.0)
BOTTLENECK = dict(type='surge_mmdet.InformationBottleneck', start=0.0)
PRIOR = dict(type='surge_mmdet.SparseObjectPrior', start=0.0)
SGD = dict(SGD=dict(optimizer=dict(type='SGD'), lrs=(1e-3,)))
WITHOUT_WORKERS = ('train_dataloader.num_workers=0', 'val_dataloader.num_workers=0')


def call(*arguments, tool=TOOL) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(tool), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        env=dict(os.environ, OMP_NUM_THREADS='1'),
    )


def small_plan(folder, **changes):
    """A plan on tiny data; without changes one method on the tuning seed."""
    source = Config.fromfile(PLAN)
    tiny = tiny_config(ROOT / source.config, folder)
    lines = dict(config=str(tiny), seeds=(), more_seeds={}, methods=['ste'], optimizers=SGD)
    lines.update(tune_share=0.5)
    Config({**source.to_dict(), **lines, **changes}).dump(folder / 'plan.py')
    return folder / 'plan.py'


@pytest.fixture
def main(monkeypatch):
    """The tool in this process: (exit status, or its last words)."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        return runpy.run_path(str(TOOL))['main']()

    return run


def test_tables_of_nothing_are_refused(main, tmp_path):
    assert 'without --tables' in main(PLAN, '--work-dir', tmp_path, '--tables')


def test_the_command_of_release_0_2_is_understood(tmp_path):
    """Its name, and the old path of its plan."""
    old = TOOL.with_name('run_study.py')
    done = call('configs/ablation/plan_bccd.py', '--work-dir', tmp_path, '--tables', tool=old)
    assert done.stderr.splitlines()[-1].endswith('Start it without --tables.'), done.stderr


def test_missing_data_are_refused(main, tmp_path, monkeypatch):
    monkeypatch.setenv('BCCD_ROOT', '/nowhere/')
    told = main(PLAN, '--work-dir', tmp_path / 'out')
    assert '/nowhere/VOC2007/ImageSets/Main/train.txt does not exist' in told
    assert not (tmp_path / 'out').exists()


def test_ctrl_c_is_told_in_one_sentence(main, tmp_path, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('surge_mmdet.analysis.study.load_plans', stopped)
    assert main(PLAN, '--work-dir', tmp_path) == 130
    told = capsys.readouterr().err
    assert told == 'Stopped. Start the same command again: it goes on where it was.\n'


def test_a_missing_plan_is_named_once(main, tmp_path):
    told = main('gone.py', '--work-dir', tmp_path)
    assert told.startswith('gone.py does not exist. Write compare_methods.py ')


def test_an_unknown_optimizer_is_refused(main, tmp_path):
    told = main(PLAN, '--work-dir', tmp_path, '--optimizers', 'Adam')
    assert told.endswith('unknown optimizer. Write --optimizers AdamW')


def test_the_folder_of_another_plan_is_refused(main, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/plan.json').write_text('{"config": "other.py", "methods": {}}')
    told = main(small_plan(tmp_path), '--work-dir', tmp_path / 'out', '--dry-run')
    assert "belongs to another plan: config was 'other.py' and is" in told


def test_a_dry_run_shows_the_plan_and_leaves_nothing(main, tmp_path, capsys):
    plan = small_plan(tmp_path, methods=['ste', 'polynomial'], seeds=(1, 2, 3))
    assert main(plan, '--work-dir', tmp_path / 'out', '--dry-run') == 0
    said = capsys.readouterr().out
    assert '| polynomial | 0.001 | one rate | 0 of 3 | - |' in said
    assert 'A difference of 0.01 AP to STE takes 34 seeds' in said
    assert '6 runs: 0 finished, 6 left' in said
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    'options, told',
    [
        (('--processes', 0), '--processes 0: write --processes 1'),
        (('--gpus', 99), '--gpus'),
        (('--cluster', 'local', '--jobs', 0), '--jobs 0: write --jobs 1'),
        (
            ('--cfg-options', 'optim_wrapper.clip_grad.max_norm=1o'),
            'no number, and the config has',
        ),
    ],
)
def test_what_a_training_would_refuse_a_dry_run_refuses(main, tmp_path, options, told):
    if '--cluster' in options:
        pytest.importorskip('submitit')
    plan, out = small_plan(tmp_path), tmp_path / 'out'
    for more in ((), ('--dry-run',)):
        assert told in main(plan, '--work-dir', out, *options, *more)
    assert not out.exists()


@pytest.mark.parametrize(
    'options, told',
    [
        (('--jobs', 2), 'Write --cluster slurm too'),
        (('--job-options', 'timeout_min=5'), 'Write --cluster slurm too'),
        (
            ('--cfg-options', 'train_cfg.max_epochs'),
            'Write --cfg-options train_cfg.max_epochs=VALUE',
        ),
        (('--work-dir', PLAN), 'field_bccd.py is a file. Name another folder'),
    ],
)
def test_wrong_options_are_refused_by_the_command_line(main, tmp_path, capsys, options, told):
    with pytest.raises(SystemExit):
        main(PLAN, '--work-dir', tmp_path, *options)
    assert told in capsys.readouterr().err


def test_a_damaged_file_is_not_blamed_on_the_plan(main, tmp_path):
    plan, out = small_plan(tmp_path), tmp_path / 'out'
    (out / 'SGD_STE_lr0.001_seed0').mkdir(parents=True)
    (out / 'SGD_STE_lr0.001_seed0/result.json').write_text('{"AP": 0.')
    for more in ((), ('--dry-run',), ('--tables',)):
        told = main(plan, '--work-dir', out, *more)
        assert told.startswith(f'{out}/SGD_STE_lr0.001_seed0/result.json is not what'), told


def test_runs_of_elsewhere_are_taken(main, tmp_path, capsys, monkeypatch):
    """With two data sets, of which the other machine had only begun the first."""
    single = small_plan(tmp_path)
    config = Config.fromfile(single).config
    plan = tmp_path / 'two.py'
    lines = Config.fromfile(single).to_dict()
    del lines['config']
    Config(dict(lines, configs=dict(a=config, b=config))).dump(plan)
    kept, out = tmp_path / 'kept', tmp_path / 'out'
    options = (plan, '--work-dir', out, '--continue-from', kept)
    assert f'no results.json with its plan.json in {kept}/a or {kept}/b' in main(*options)
    monkeypatch.setattr(Comparison, 'work', lambda *_: None)
    main(plan, '--work-dir', kept)
    row = dict(optimizer='SGD', method='STE', lr=1e-3, seed=0, AP=0.1, AP50=0.2)
    row.update(diverged=False, curve=[], skipped=0, seconds=60.0, wall_seconds=60.0)
    (kept / 'a/results.json').write_text(json.dumps([row]))
    (kept / 'b/results.json').unlink()
    capsys.readouterr()
    assert main(*options, '--dry-run') == 0 and not out.exists()
    said = capsys.readouterr().out
    assert f'1 finished run taken from {kept}/a.' in said and f'{kept}/b' not in said
    assert '2 runs: 1 finished, 1 left' in said
    assert main(*options) == 0
    assert '2 runs: 1 finished, 1 left' in capsys.readouterr().out
    assert json.loads((out / 'a/results.json').read_text())[0]['AP'] == 0.1
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, options), '--tables'])
    with pytest.raises(SystemExit):
        runpy.run_path(str(TOOL))['main']()
    assert '--continue-from belongs to a training' in capsys.readouterr().err


def test_it_trains_and_then_tries_only_what_failed(tmp_path):
    broken = {'train_dataloader.dataset.metainfo.classes': ('cat', 'dog', 'bird')}
    methods = [
        {'taught': dict(method='ste', teacher='BiDet', distillation=[PKD], losses=[BOTTLENECK])},
        {'BiDet': dict(method='fp32', losses=[BOTTLENECK, PRIOR])},
        {'broken': dict(layer=dict(surge=None), config=broken)},
    ]
    plan = small_plan(tmp_path, methods=methods, baseline='BiDet')
    command = [plan, '--work-dir', tmp_path / 'out', '--cfg-options', *WITHOUT_WORKERS]
    first = call(*command, '--processes', '2')
    assert first.returncode == 1, first.stderr[-2000:]
    assert '[2 of 3 done] SGD_taught_lr0.001_seed0: AP ' in first.stdout
    assert 'SGD_broken_lr0.001_seed0: FAILED: ' in first.stdout
    names = ('taught', 'BiDet', 'broken')
    folders = {name: tmp_path / f'out/SGD_{name}_lr0.001_seed0' for name in names}
    results = {name: json.loads((f / 'result.json').read_text()) for name, f in folders.items()}
    assert len(results['taught']['curve']) == 1 and results['taught']['peak_rss_mb'] > 100
    assert 'cat' in results['broken']['failed']
    said = {name: (folder / 'output.txt').read_text() for name, folder in folders.items()}
    assert 'loss_pkd' in said['taught'] and 'loss_informationbottleneck' in said['taught']
    assert 'loss_sparseobjectprior' in said['BiDet'] and 'loss_pkd' not in said['BiDet']
    assert not list((tmp_path / 'out').rglob('*.pth'))
    rows = json.loads((tmp_path / 'out/results.json').read_text())
    assert {row['method']: 'failed' in row for row in rows} == dict(
        zip(names, (0, 0, 1), strict=True)
    )
    record = json.loads((tmp_path / 'out/record.json').read_text())
    assert 'compare_methods.py' in record['command'] and record['tables']
    (trained,) = record['trained']
    assert trained['runs'] == 2 and trained['commands'] == {record['command']: 2}

    before = {name: (f / 'output.txt').stat().st_size for name, f in folders.items()}
    assert call(*command).returncode == 1
    after = {name: (f / 'output.txt').stat().st_size for name, f in folders.items()}
    assert [name for name in names if after[name] != before[name]] == ['broken']
