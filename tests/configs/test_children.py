"""Children of a shipped config, as a person writes them, under mmdet's tools.

A child changes one thing: classes, their order, or the epochs.
"""

import os
import subprocess
import sys

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmengine.config import Config

BCCD = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
THREE, FIVE = ('RBC', 'WBC', 'Platelets'), ('RBC', 'WBC', 'Platelets', 'blast', 'clump')


def child(base, name, classes, *lines):
    """The README's recipe: the same data with other classes."""
    path = base.with_name(f'{name}.py')
    path.write_text(
        '\n'.join(
            [
                f"_base_ = './{base.name}'",
                f'source = dict(metainfo=dict(classes={classes}))',
                f'model = dict(roi_head=dict(bbox_head=dict(num_classes={len(classes)})))',
                'train_dataloader = dict(dataset=source)',
                'val_dataloader = dict(dataset=source)',
                'test_dataloader = dict(dataset=source)',
                *lines,
            ]
        )
    )
    return path


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('children')


@pytest.fixture(scope='module')
def trained(folder):
    """The tiny BCCD config, and what an epoch of it leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **options: (text, True))
        patch.setenv('LOCAL_RANK', '0')
        base = tiny_config(BCCD, folder)
        work = folder / 'work'
        run_mmdet_tool(patch, 'train.py', base, '--work-dir', work)
    return base, work / 'epoch_1.pth'


def test_a_child_with_more_classes_is_drawn(trained, folder, monkeypatch):
    base, _ = trained
    five = child(base, 'five', FIVE)
    work = folder / 'five'
    run_mmdet_tool(monkeypatch, 'train.py', five, '--work-dir', work)
    run_mmdet_tool(
        monkeypatch,
        'test.py',
        five,
        work / 'epoch_1.pth',
        '--work-dir',
        work,
        '--show-dir',
        'drawn',
    )
    assert len(list(work.glob('*/drawn/*.jpg'))) == 2
    saved = torch.load(work / 'epoch_1.pth', weights_only=False)['meta']['dataset_meta']
    inherited = Config.fromfile(BCCD).train_dataloader.dataset.metainfo.palette
    assert len(saved['palette']) == 5
    assert saved['palette'][:3] == [tuple(colour) for colour in inherited]


def test_browse_dataset_draws_it_too(trained, folder, monkeypatch):
    out = folder / 'browsed'
    run_mmdet_tool(
        monkeypatch,
        'analysis_tools/browse_dataset.py',
        child(trained[0], 'browsed', FIVE),
        '--output-dir',
        out,
        '--not-show',
        '--show-interval',
        0,
    )
    assert len(list(out.glob('*.jpg'))) == 4


def run_in_a_process(tool, *arguments):
    """mmdet's tool; a crash of it must not take the tests along."""
    environment = dict(os.environ, OMP_NUM_THREADS='1', LOCAL_RANK='0')
    command = [sys.executable, ROOT / 'tools' / tool, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_a_resume_with_more_classes_is_an_error_and_no_crash(trained, folder):
    base, checkpoint = trained
    five = child(base, 'resumed', FIVE, 'train_cfg = dict(max_epochs=2)')
    result = run_in_a_process(
        'train.py', five, '--work-dir', folder / 'resumed', '--resume', checkpoint
    )
    assert result.returncode == 1, result.stderr[-2000:]
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith('ValueError') and 'fc_cls.weight (4, ' in last
    assert last.endswith(f'tools/train.py {five} --cfg-options load_from={checkpoint}')


@pytest.mark.parametrize('role', ['test', 'all'])
def test_classes_of_another_order_are_not_tested(trained, folder, monkeypatch, role):
    base, checkpoint = trained
    alphabet = tuple(sorted(THREE))
    name = f'alphabet-{role}'
    if role == 'all':
        path = child(base, name, alphabet)
    else:
        path = base.with_name(f'{name}.py')
        path.write_text(
            f"_base_ = './{base.name}'\n"
            f'test_dataloader = dict(dataset=dict(metainfo=dict(classes={alphabet})))\n'
        )
    with pytest.raises(ValueError) as error:
        run_mmdet_tool(monkeypatch, 'test.py', path, checkpoint, '--work-dir', folder / name)
    assert f'Write metainfo=dict(classes={THREE}) in test_dataloader' in str(error.value)


def test_a_training_does_not_start_from_another_order(trained, folder, monkeypatch):
    base, checkpoint = trained
    path = child(base, 'reordered', tuple(sorted(THREE)), f"load_from = '{checkpoint}'")
    with pytest.raises(ValueError, match='label 0 is'):
        run_mmdet_tool(monkeypatch, 'train.py', path, '--work-dir', folder / 'reordered')
