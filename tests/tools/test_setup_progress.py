"""What a person sees while a step of the set-up runs: time left, first news."""

import subprocess

from conftest import ROOT

TRAINING = """\
train_cfg = dict(max_epochs=12, type='EpochBasedTrainLoop', val_interval=3)
11/25 10:00:00 - mmengine - INFO - Epoch(train)  [2][30/36]  lr: 1e-03  eta: 0:09:00  time: 1.5
"""
VALIDATION = """\
11/25 10:01:00 - mmengine - INFO - Epoch(val)  [3][10/15]    eta: 0:00:02  time: 0.6
11/25 10:01:09 - mmengine - INFO - Epoch(val) [3][15/15]    coco/bbox_mAP: 0.1  time: 0.8
"""
GOES_ON = """\
11/25 10:02:00 - mmengine - INFO - Epoch(train)  [4][10/36]  lr: 1e-03  eta: 0:08:00  time: 1.5
"""
PICTURE = '11/25 10:01:10 - mmengine - INFO - Detections after epoch {0}: work/epoch_{0}.png (5)\n'
NINJA = '  [{}/77] c++ -MMD -MF roi_align.o.d -g0\n'


def bash(text: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ['bash', '-c', text], cwd=ROOT, text=True, capture_output=True, timeout=60
    )


def time_left(tmp_path, log, spent=100):
    """Seconds that a log itself promises; None if it says nothing."""
    (tmp_path / 'log').write_text(log)
    done = bash(f'awk -v spent={spent} -f tools/_time_left.awk {tmp_path}/log')
    assert done.returncode == 0, done.stderr
    return int(done.stdout) if done.stdout else None


def test_a_training_has_its_eta_left(tmp_path):
    assert time_left(tmp_path, TRAINING) == 540
    day = TRAINING.replace('eta: 0:09:00', 'eta: 1 day, 2:00:05')
    assert time_left(tmp_path, day) == 26 * 3600 + 5


def test_and_the_validations_to_come(tmp_path):
    """15 batches of 0.8 s, after the epochs 6, 9 and 12."""
    assert time_left(tmp_path, TRAINING + VALIDATION + GOES_ON) == 480 + 3 * 12


def test_it_is_over_after_the_last_validation_only(tmp_path):
    end = GOES_ON.replace('[4][10', '[12][36').replace('0:08:00', '0:00:00')
    before = TRAINING + VALIDATION.replace('[3][', '[9][') + end
    assert time_left(tmp_path, before) == 12
    assert time_left(tmp_path, before + VALIDATION.replace('[3][', '[12][')) == 0


def test_a_compilation_is_as_far_as_ninja_says(tmp_path):
    log = ''.join(NINJA.format(number) for number in range(1, 12))
    assert time_left(tmp_path, log, spent=60) == 360
    assert time_left(tmp_path, NINJA.format(3)) is None  # too early to tell
    assert time_left(tmp_path, 'Collecting onedl-mmcv\n') is None


def show_step(tmp_path, plan, log, seconds='2.5') -> str:
    """The lines of a step that writes this log and then takes some seconds."""
    (tmp_path / 'text').write_text(log)
    (tmp_path / 'logs').mkdir()
    done = bash(
        f'. tools/_setup.sh; LOGS={tmp_path}/logs; BEAT=1; plan {plan}; '
        f'step working "no remedy" bash -c "cat {tmp_path}/text; sleep {seconds}"'
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_display_follows_the_training_and_adds_the_steps_after_it(tmp_path):
    shown = show_step(tmp_path, '1000 30', TRAINING)
    assert 'elapsed, about 9:30 left in all' in shown
    assert 'Epoch(train) [2][30/36] eta: 0:09:00' in shown


def test_without_own_progress_it_follows_the_plan(tmp_path):
    assert 'elapsed, about 1:2' in show_step(tmp_path, '60 30', 'Collecting torch\n')


def test_a_plan_that_is_overdrawn_is_admitted(tmp_path):
    shown = show_step(tmp_path, '0 30', 'Collecting torch\n')
    assert 'longer than planned; then about 0:30 more' in shown
    assert ' 0:00 left' not in shown


def test_each_picture_is_announced_once(tmp_path):
    shown = show_step(tmp_path, '60', PICTURE.format(3) + PICTURE.format(6), seconds='3.5')
    assert shown.count('Detections after epoch 3: work/epoch_3.png (5)') == 1
    assert shown.count('Detections after epoch 6') == 1


def test_a_picture_of_the_last_second_is_announced_too(tmp_path):
    assert 'Detections after epoch 12' in show_step(tmp_path, '60', PICTURE.format(12), '0')
