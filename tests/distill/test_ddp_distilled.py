"""A student under DDP: losses with parameters learn on both ranks alike, the teacher on none."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from distill.test_on_detectors import tiny_distilled
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from two_ranks import WRAPPER, StepRecorder, assert_averaged, on_two_ranks

from surge_mmdet.engine.bare_model import bare_model

sys.path.append(str(Path(__file__).parents[1] / 'models'))
from tiny_twins import built, twin  # noqa: E402

STEPS = 3  # each rank has one batch of two images in an epoch
LOSSES = (
    dict(type='surge_mmdet.PKD'),
    dict(type='surge_mmdet.FGFI'),
    dict(type='surge_mmdet.FGD', relation=1e-2),
    # Random weights propose nothing of 0.85.
    dict(type='surge_mmdet.IDaDet', score_thr=0.0, max_per_img=20),
    # One that begins in the middle, and has no parameters.
    dict(type='surge_mmdet.InformationBottleneck', start=0.5),
)


class NoObjects(Hook):
    """The first images of one rank have none: its gradients must be there all the same."""

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Take the objects away."""
        if runner.iter == 0 and runner.rank == 1:
            for sample in data_batch['data_samples']:
                sample.gt_instances = sample.gt_instances[:0]


def train(rank, config):
    """What a rank started from, was given in each step, and ended with."""
    cfg = Config.fromfile(config)
    cfg.update(launcher='pytorch', model_wrapper_cfg=WRAPPER, log_level='WARNING')
    cfg.work_dir = str(Path(config).parent / 'work')
    cfg.train_cfg.update(max_epochs=STEPS)
    cfg.update(dict.fromkeys(('val_dataloader', 'val_cfg', 'val_evaluator')))
    runner, recorder = Runner.from_cfg(cfg), StepRecorder()
    for hook in (recorder, NoObjects()):
        runner.register_hook(hook)
    runner.train()
    model, scalars = bare_model(runner), runner.message_hub.log_scalars
    teacher = model.teacher.load(model)
    return dict(
        start=recorder.start,
        steps=(recorder.own, recorder.taken),
        end=model.state_dict(),
        parameters=[name for name, _ in model.named_parameters()],
        teacher=teacher.state_dict(),
        gradients=[name for name, p in teacher.named_parameters() if p.grad is not None],
        losses={k.removeprefix('train/'): v.data[0] for k, v in scalars.items() if 'loss_' in k},
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Both ranks, and what the first one has saved."""
    folder = tmp_path_factory.mktemp('ddp-distilled')
    config = tiny_distilled(folder, *LOSSES)
    ranks = [SimpleNamespace(**each) for each in on_two_ranks(train, folder, str(config))]
    saved, teacher = (
        torch.load(folder / name, weights_only=False)
        for name in (f'work/epoch_{STEPS}.pth', 'teacher.pth')
    )
    return SimpleNamespace(ranks=ranks, saved=saved, teacher=teacher['state_dict'])


def test_both_ranks_hold_the_same_parameters(trained):
    first, second = trained.ranks
    assert first.parameters == second.parameters
    for name in first.parameters:
        assert first.end[name].equal(second.end[name]), name
        assert first.end[name].isfinite().all(), name


def test_parameters_of_the_losses_have_moved(trained):
    rank = trained.ranks[0]
    own = [name for name in rank.parameters if name.startswith('extra_losses.')]
    assert {name.split('.')[1] for name in own} == {'fgfi', 'fgd', 'idadet'}
    still = {name for name in own if rank.end[name].equal(rank.start[name])}
    # No anchor of these levels is near an object of the data. Softmax knows no bias: what
    # gradient it has is rounding, which is 0 on some processors and not on others.
    far = {
        f'extra_losses.fgfi.adapt.{level}.{n}' for level in (0, 3, 4) for n in ('weight', 'bias')
    }
    assert still - {name for name in own if name.endswith('look.bias')} == far


def test_each_step_takes_the_mean_of_both_ranks(trained):
    assert_averaged([rank.steps for rank in trained.ranks])
    (first, taken), (second, _) = (rank.steps for rank in trained.ranks)
    assert len(taken) == STEPS
    own = {name for name in trained.ranks[0].parameters if name.startswith('extra_losses.')}
    for one, other in zip(first, second, strict=True):
        assert own <= one.keys()
        assert [name for name in own if one[name].any() and one[name].equal(other[name])] == []


def test_every_loss_was_added_on_both_ranks(trained):
    for rank in trained.ranks:
        for name in ('pkd', 'fgd', 'idadet'):
            assert len(rank.losses[f'loss_{name}']) == STEPS
            assert (rank.losses[f'loss_{name}'] > 0).all()
        late = rank.losses['loss_informationbottleneck'] > 0
        assert late.tolist() == [False, False, True]
    imitation = [(rank.losses['loss_fgfi'] > 0).tolist() for rank in trained.ranks]
    assert imitation == [[True] * 3, [False, True, True]]


def test_the_teacher_is_as_it_was_on_both_ranks(trained):
    for rank in trained.ranks:
        assert rank.gradients == []
        assert rank.teacher.keys() == trained.teacher.keys()
        for name, value in trained.teacher.items():
            assert value.equal(rank.teacher[name]), name


def test_the_checkpoint_is_the_first_ranks_without_the_teacher(trained):
    rank, saved = trained.ranks[0], trained.saved['state_dict']
    plain = built(twin('FasterRCNN')).state_dict().keys()
    assert {name for name in saved if not name.startswith('extra_losses.')} == plain
    assert saved.keys() == rank.end.keys()
    assert [name for name, value in saved.items() if not value.equal(rank.end[name])] == []
    groups = trained.saved['optimizer']['param_groups']
    assert sum(len(group['params']) for group in groups) == len(rank.parameters)
