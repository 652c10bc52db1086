import pytest
import torch

from surge_mmdet.engine import AGSHook, EpochSeedHook, LastCheckpointHook

pytest_plugins = ['toy_training']

SAVE = dict(
    type='CheckpointHook', interval=1, max_keep_ckpts=2, backend_args=dict(backend='surge_atomic')
)


def train(make_runner, model, epochs, *hooks, **options):
    runner = make_runner(
        model, [EpochSeedHook(), AGSHook(), *hooks], epochs, checkpoint=SAVE, **options
    )
    runner.train()
    return runner


@pytest.mark.parametrize('text', ['', 'work_dirs/gone/epoch_9.pth'])
def test_resume_finds_the_newest_checkpoint_where_the_pointer_is_broken(
    make_runner, net, tmp_path, text
):
    whole, first, second = (net(noise=0.5) for _ in range(3))
    train(make_runner, whole, 3, work_dir=str(tmp_path / 'whole'))
    train(make_runner, first, 2)
    pointer = tmp_path / 'work/last_checkpoint'
    pointer.write_text(text)
    with pytest.raises(FileNotFoundError):  # MMEngine alone
        train(make_runner, net(), 3, resume=True)
    runner = train(make_runner, second, 3, LastCheckpointHook(), resume=True)
    assert runner.iter == 12 and pointer.read_text().endswith('epoch_3.pth')
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_missing_pointer_is_written_for_the_newest_by_number(make_runner, net, tmp_path):
    train(make_runner, net(), 2)
    pointer = tmp_path / 'work/last_checkpoint'
    pointer.unlink()
    (tmp_path / 'work/epoch_1.pth').touch()  # as a copied folder may have it
    train(make_runner, net(), 2, LastCheckpointHook(), resume=True)
    assert pointer.read_text().endswith('epoch_2.pth')


def test_a_checkpoint_elsewhere_is_not_judged(make_runner, net, tmp_path):
    train(make_runner, net(), 1)
    pointer = tmp_path / 'work/last_checkpoint'
    pointer.write_text('s3://bucket/epoch_9.pth')
    runner = make_runner(net(), [LastCheckpointHook()], 1, resume=True)
    LastCheckpointHook().before_run(runner)
    assert pointer.read_text() == 's3://bucket/epoch_9.pth'


def test_without_any_checkpoint_the_error_says_what_to_write(make_runner, net, tmp_path):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'work/last_checkpoint').touch()
    with pytest.raises(ValueError, match='without --resume'):
        train(make_runner, net(), 1, LastCheckpointHook(), resume=True)
    train(make_runner, net(), 1, LastCheckpointHook())
