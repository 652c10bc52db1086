"""A comparison that is killed, at whatever point, goes on where it was."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from analysis.study.small_comparison import PLAN, comparison, starts

from surge_mmdet.analysis.study.runner import locked

ALONE = replace(PLAN, methods={'STE': PLAN.methods['STE']}, changes={})
FIRST = 'SGD_STE_lr0.1_seed0'
WORK = """
import sys
from pathlib import Path
from analysis.study.small_comparison import comparison
from analysis.study.test_killed import ALONE
comparison(Path(sys.argv[1]), ALONE, pause=float(sys.argv[2])).work()
"""


def begin(folder: Path, pause: float) -> subprocess.Popen:
    """A comparison in a process of its own, once its first run trains."""
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    )
    process = subprocess.Popen(
        [sys.executable, '-c', WORK, str(folder), str(pause)],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.time() + 120
    while not list((folder / FIRST).glob('epoch_1.pth')):
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.05)
    return process


def test_killed_with_its_training_it_resumes(tmp_path):
    os.killpg(begin(tmp_path, pause=1.0).pid, signal.SIGKILL)
    whole = comparison(tmp_path, ALONE, pause=1.0)
    assert whole.done == 0 and not whole.failed
    whole.work()
    assert whole.done == 4
    logs = list((tmp_path / FIRST).glob('*/vis_data/scalars.json'))
    assert len(logs) == 2  # the second part began behind the first checkpoint
    assert [len(found) for found in starts(tmp_path).values()] == [2, 1, 1, 1]


def test_a_training_that_outlives_its_comparison_is_not_begun_twice(tmp_path):
    process = begin(tmp_path, pause=2.0)
    process.kill()
    process.wait()
    assert locked(tmp_path / FIRST / 'lock') is None
    whole = comparison(tmp_path, ALONE, pause=2.0)
    assert whole.studies[0].held(['SGD']) == whole.studies[0].pending('SGD')[:1]
    whole.work()
    assert whole.done == 4
    # The second one only read what the first had left.
    assert len(list((tmp_path / FIRST).glob('*/vis_data/scalars.json'))) in (1, 2)
    assert len(starts(tmp_path)[FIRST]) == 2


@pytest.mark.parametrize('lines', [1, 2, 3])
def test_killed_before_its_last_validation_it_repeats_the_last_epoch(tmp_path, lines):
    whole = comparison(tmp_path, ALONE)
    whole.work()
    folder = tmp_path / FIRST
    (folder / 'result.json').unlink()
    for epoch in (1, 2):
        (folder / f'epoch_{epoch}.pth').touch()
    log = next(folder.glob('*/vis_data/scalars.json'))
    log.write_text(''.join(log.read_text().splitlines(keepends=True)[:lines]))
    time.sleep(1.1)  # the next part has a folder of its own
    whole.work()
    assert whole.done == 4 and len(starts(tmp_path)[FIRST]) == 3
    assert next(iter(whole.studies[0].finished('SGD').values()))['curve'][-1][0] == 2


def test_a_teacher_whose_checkpoints_were_deleted_is_trained_anew(tmp_path):
    """By hand, to free the disk: MMEngine's pointer to the last one stays behind."""
    comparison(tmp_path).work()
    teacher, student = (tmp_path / f'SGD_{who}_lr0.1_seed1' for who in ('FP32', 'student'))
    for file in teacher.glob('epoch_*.pth'):
        file.unlink()
    (teacher / 'last_checkpoint').write_text(str(teacher / 'epoch_2.pth'))
    (student / 'result.json').unlink()
    comparison(tmp_path).work()
    again = starts(tmp_path)
    assert len(again[teacher.name]) == 2 and (student / 'result.json').exists()
    assert not [*tmp_path.glob('*/failed*')]
