"""Two commands and a third: the float twin, its student, the packed student."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmengine.config import Config

from surge_mmdet.deploy import load_packed
from surge_mmdet.deploy.publish import publish
from surge_mmdet.distill.find import newest_checkpoint

FOLDER = ROOT / 'configs/faster_rcnn'
NAME = 'faster-rcnn_r18_fpn128_{}_12e_bccd.py'


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Both configs on tiny data, in a folder in which the commands are given."""
    fp32 = tiny_config(FOLDER / NAME.format('fp32'), tmp_path)
    (tmp_path / 'data').rename(tmp_path / 'first')
    student = tiny_config(FOLDER / NAME.format('ste-pkd'), tmp_path)
    cfg = Config.fromfile(student)
    cfg.model.teacher.config = fp32.name
    cfg.dump(student)
    (tmp_path / 'first').rename(tmp_path / 'again')
    monkeypatch.chdir(tmp_path)
    return fp32.name, student.name


def test_two_trainings_and_a_packed_file(commands, monkeypatch, tmp_path):
    teacher, student = commands
    with pytest.raises(FileNotFoundError, match=f'Train it first: python tools/train.py {teacher}'):
        run_mmdet_tool(monkeypatch, 'train.py', student)
    assert not list(tmp_path.glob('work_dirs/*/*.pth'))  # refused before anything is trained

    run_mmdet_tool(monkeypatch, 'train.py', teacher)
    run_mmdet_tool(monkeypatch, 'train.py', student)
    work = tmp_path / 'work_dirs' / Path(student).stem
    log = max(work.glob('*/*.log'), key=lambda path: path.stat().st_mtime).read_text()
    assert 'loss_pkd: ' in log and f'teacher: work_dirs/{Path(teacher).stem}/epoch_1.pth' in log

    with pytest.raises(
        FileNotFoundError, match='gone.pth .*Leave checkpoint out, or write .*epoch_1'
    ):
        run_mmdet_tool(
            monkeypatch, 'train.py', student, '--cfg-options', 'model.teacher.checkpoint=gone.pth'
        )

    checkpoint = work / 'epoch_1.pth'
    names = torch.load(checkpoint, weights_only=False)['state_dict']
    assert not [name for name in names if 'teacher' in name or name.startswith('extra_losses')]
    (tmp_path / 'work_dirs' / Path(teacher).stem).rename(tmp_path / 'gone')  # not needed any more
    run_mmdet_tool(monkeypatch, 'test.py', student, checkpoint)
    published = publish(checkpoint, tmp_path / 'student.safetensors')
    assert not published.kept
    model = load_packed(published.path)
    assert type(model).__name__ == 'FasterRCNN'
    assert b'teacher' not in published.path.read_bytes()


def test_the_newest_checkpoint_of_a_folder(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    for name in ('epoch_2.pth', 'epoch_10.pth', 'best_bbox_mAP_epoch_11.pth'):
        (tmp_path / name).touch()
    assert newest_checkpoint(tmp_path).name == 'epoch_10.pth'
    pointer = tmp_path / 'last_checkpoint'
    pointer.write_text(str(tmp_path / 'epoch_2.pth'))
    assert newest_checkpoint(tmp_path).name == 'epoch_2.pth'
    pointer.write_text('/moved/away/epoch_2.pth')
    assert newest_checkpoint(tmp_path).name == 'epoch_2.pth'
    pointer.write_text('/moved/away/epoch_3.pth')
    assert newest_checkpoint(tmp_path).name == 'epoch_10.pth'


@pytest.mark.parametrize('epoch, warns', [(12, False), (3, True), (None, False)])
def test_a_teacher_of_few_epochs_is_warned_of(epoch, warns, monkeypatch):
    from surge_mmdet.distill import teacher

    log = []
    monkeypatch.setattr(teacher, 'print_log', lambda *words: log.append(words[0]))
    cfg = Config(dict(train_cfg=dict(max_epochs=12)))
    assert teacher._report({'epoch': epoch}, cfg, 'x.pth') == warns
    assert log[0].startswith('teacher: x.pth')
    assert any('A student soon passes a teacher' in text for text in log) == warns


@pytest.mark.parametrize('epochs, warns', [(12, False), (24, True)])
def test_a_student_that_trains_longer_is_warned_of(epochs, warns):
    from surge_mmdet.engine.checks import teacher

    log = []
    runner = SimpleNamespace(
        train_loop=SimpleNamespace(max_epochs=epochs), logger=SimpleNamespace(warning=log.append)
    )
    teacher._warn_of_few_epochs(runner, 12)
    teacher._warn_of_few_epochs(runner, None)  # published weights do not tell
    assert [f'train_cfg.max_epochs={epochs}' in text for text in log] == [True] * warns


@pytest.mark.parametrize('unfinished', [False, True])
def test_a_teacher_that_is_not_finished_is_warned_of_once(unfinished, monkeypatch):
    from surge_mmdet.engine.checks import teacher

    log = []
    taught = SimpleNamespace(epochs=3, unfinished=unfinished, load=lambda student: None)
    monkeypatch.setattr(teacher, 'Distilled', SimpleNamespace)
    monkeypatch.setattr(teacher, 'check_branch', lambda *_: None)
    runner = SimpleNamespace(
        model=SimpleNamespace(teacher=taught),
        train_loop=SimpleNamespace(max_epochs=12),
        logger=SimpleNamespace(warning=log.append),
    )
    teacher.check_teacher(runner)
    assert len(log) == (not unfinished)
