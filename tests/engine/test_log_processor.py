import json

from surge_mmdet.engine import AGSHook

pytest_plugins = ['toy_training']


def test_statistics_are_in_the_json_log_but_not_on_the_console(make_runner, net, tmp_path):
    make_runner(
        net(),
        [AGSHook(interval=1)],
        default_hooks=dict(checkpoint=None, logger=dict(type='LoggerHook', interval=1)),
        log_processor=dict(type='surge_mmdet.SurgeLogProcessor'),
    ).train()
    work = tmp_path / 'work'
    lines = [
        line for line in next(work.rglob('*.log')).read_text().split('\n') if 'Epoch(train)' in line
    ]
    assert len(lines) == 4
    for line in lines:
        assert 'surge.' not in line
        assert ' loss: ' in line and ' time: ' in line and ' lr: ' in line
        assert line == line.rstrip()
    scalars = [
        json.loads(line) for line in next(work.rglob('scalars.json')).read_text().splitlines()
    ]
    for label in ('lambda', 'norm_b', 'norm_a', 'cosine'):
        assert scalars[-1][f'surge.{label}.backbone.layer1'] != 0
    assert scalars[-1]['surge.skipped_steps'] == 0
