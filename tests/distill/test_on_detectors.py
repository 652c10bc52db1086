"""Every distillation loss on detectors of two stages, without a pyramid, and single stage."""

import copy
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage

from surge_mmdet.binarizers import RBONN
from surge_mmdet.distill import undistilled
from surge_mmdet.engine import BinarizerHook

sys.path.append(str(Path(__file__).parents[1] / 'models'))
from tiny_twins import NAMES, batch, built, distilled, teacher_of, twin  # noqa: E402

LOSSES = {
    'pkd': dict(type='surge_mmdet.PKD'),
    'cwd': dict(type='surge_mmdet.CWD'),
    'fgfi': dict(type='surge_mmdet.FGFI'),
    'fgd': dict(type='surge_mmdet.FGD'),
    # Random weights propose nothing of 0.85.
    'idadet': dict(type='surge_mmdet.IDaDet', score_thr=0.0, max_per_img=20),
}
TRAINED = ('fgfi', 'fgd', 'idadet')  # with parameters of their own
ALL = pytest.mark.parametrize('loss', LOSSES)
DETECTORS = pytest.mark.parametrize('name', NAMES)


def losses_of(model, data) -> dict:
    return model.loss(data['inputs'], data['data_samples'])


def total(value):
    return sum(value) if isinstance(value, (list, tuple)) else value


@ALL
@DETECTORS
def test_student_learns_and_teacher_does_not(name, loss, tmp_path):
    model = distilled(name, tmp_path, LOSSES[loss])
    data = batch(model)
    teacher = model.teacher.load(model)
    before = copy.deepcopy(teacher.state_dict())
    added = losses_of(model, data)[f'loss_{loss}']
    assert added.isfinite() and added > 0
    added.backward()
    touched = {key for key, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(key.startswith('backbone') for key in touched)
    assert not any('rpn_head' in key or 'bbox_head' in key for key in touched)
    assert any(key.startswith(f'extra_losses.{loss}') for key in touched) == (loss in TRAINED)
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert all(p.grad is None for p in teacher.parameters()) and not teacher.training
    assert all(value.equal(before[key]) for key, value in teacher.state_dict().items())


@ALL
@DETECTORS
def test_own_losses_are_those_of_the_plain_student(name, loss, tmp_path):
    model = distilled(name, tmp_path, LOSSES[loss])
    plain = built(twin(name))
    own = {k: v for k, v in model.state_dict().items() if not k.startswith('extra_losses')}
    assert all(torch.equal(value, own[key]) for key, value in plain.state_dict().items())
    assert len(own) == len(plain.state_dict())
    data = batch(model)
    torch.manual_seed(1)
    want = losses_of(plain, copy.deepcopy(data))
    torch.manual_seed(1)
    found = losses_of(model, data)
    assert set(found) - set(want) == {f'loss_{loss}'}
    assert all(torch.equal(total(found[key]), total(want[key])) for key in want)
    # Norms have seen the batch once, not twice.
    assert all(torch.equal(value, model.state_dict()[k]) for k, value in plain.state_dict().items())


@ALL
@DETECTORS
def test_images_without_objects(name, loss, tmp_path):
    model = distilled(name, tmp_path, LOSSES[loss])
    found = losses_of(model, batch(model, (0, 0)))[f'loss_{loss}']
    found.backward()
    assert found.isfinite() and (found.item() > 0) == (loss != 'fgfi')
    own = model.extra_losses[loss].parameters()
    assert all(p.grad is not None for p in own)  # as DDP demands


@ALL
# mmcv's suppression of proposals knows no bfloat16 on a CPU.
@pytest.mark.parametrize('name', ('SSD', 'RetinaNet'))
def test_under_autocast(name, loss, tmp_path):
    model = distilled(name, tmp_path, LOSSES[loss])
    with torch.autocast('cpu', torch.bfloat16):
        found = losses_of(model, batch(model))[f'loss_{loss}']
    found.backward()
    assert found.dtype == torch.float and found.isfinite()
    # In a neck, oneDNN's bfloat16 gradient of a padded convolution on one pixel may hold NaN.
    own = [p.grad for name, p in model.named_parameters() if not name.startswith('neck')]
    assert all(grad is None or grad.isfinite().all() for grad in own)


def test_several_losses_of_a_kind_and_bidets_beside_them(tmp_path):
    model = distilled(
        'FasterRCNN',
        tmp_path,
        dict(type='surge_mmdet.PKD', levels=[0]),
        dict(type='surge_mmdet.PKD', levels=[1]),
        dict(type='surge_mmdet.InformationBottleneck', start=0.0),
        dict(type='surge_mmdet.SparseObjectPrior', start=0.0),
    )
    found = {key: value for key, value in losses_of(model, batch(model)).items() if 'loss_p' in key}
    assert found.keys() == {'loss_pkd', 'loss_pkd2'}
    assert {'informationbottleneck', 'sparseobjectprior'} < set(model.extra_losses)


def test_a_rule_brings_the_reconstruction_that_idadet_leaves_out(tmp_path):
    """L_R beside L_P, with the gradient of the released layers: 1e-4 (W - s sign W)."""
    rule = dict(layer=dict(surge=None, weight_rule=dict(type='RBONN')))
    cfg = changed(twin('FasterRCNN'), backbone=dict(policy=rule))
    model = distilled('FasterRCNN', tmp_path, LOSSES['idadet'], student=cfg)
    hook, optimizer = BinarizerHook(), torch.optim.SGD(model.parameters(), 0.1)
    wrapper = SimpleNamespace(optimizer=optimizer)
    hook.before_train(SimpleNamespace(model=model, optim_wrapper=wrapper))
    found = model(**batch(model), mode='loss')
    assert found['loss_idadet'] > 0 and found['loss_rbonn'] > 0
    layers = [m for m in model.modules() if isinstance(getattr(m, 'weight_rule', None), RBONN)]
    own = torch.autograd.grad(found['loss_rbonn'], [layer.weight for layer in layers])
    for layer, gradient in zip(layers, own, strict=True):
        want = 1e-4 * (layer.weight - layer.weight_rule(layer.weight))
        torch.testing.assert_close(gradient, want.detach())
    hook.after_train(None)


@pytest.mark.parametrize('loss', TRAINED)
def test_copies_and_averages_of_the_student(loss, tmp_path):
    model = distilled('RetinaNet', tmp_path, LOSSES[loss])
    average = ExponentialMovingAverage(model)
    for copied in (copy.deepcopy(model), average.module):
        assert copied.teacher is model.teacher
        assert copied.state_dict().keys() == model.state_dict().keys()
        own = dict(copied.extra_losses[loss].named_parameters())
        assert all(own[k] is not p for k, p in model.extra_losses[loss].named_parameters())


@pytest.mark.parametrize('loss', TRAINED)
def test_the_plain_config_takes_the_checkpoint(loss, tmp_path):
    model = distilled('RetinaNet', tmp_path, LOSSES[loss])
    cfg = twin('RetinaNet')
    cfg.update(student=cfg.type, type='surge_mmdet.DistilledDetector')
    plain = MODELS.build(undistilled(cfg))
    report = plain.load_state_dict(model.state_dict(), strict=False)
    assert not report.missing_keys
    assert all(key.startswith('extra_losses.') for key in report.unexpected_keys)


FOUR = dict(neck=dict(num_outs=4), bbox_head=dict(anchor_generator=dict(strides=[8, 16, 32, 64])))


def changed(model: Config, **changes) -> Config:
    cfg = Config(dict(model=model))
    cfg.merge_from_dict(dict(model=changes))
    return cfg.model


@pytest.mark.parametrize(
    'change, line',
    [
        (
            dict(neck=dict(out_channels=32), bbox_head=dict(in_channels=32, feat_channels=32)),
            'has 16 channels.*and 32 channels of stride 8',
        ),
        (FOUR, r'has 5 maps and the teacher 4.*write levels=\[0, 1, 2, 3\]'),
        (
            dict(bbox_head=dict(anchor_generator=dict(strides=[4, 8, 16, 32, 64]))),
            'of stride 8 in the student and 16 channels of stride 4 in the teacher.*same neck',
        ),
        (dict(bbox_head=dict(num_classes=3)), 'knows 3 classes, the student 80. Take a teacher'),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(change, line, tmp_path):
    cfg = changed(twin('RetinaNet', 'fp32'), **change)
    model = distilled('RetinaNet', tmp_path, LOSSES['pkd'])
    teacher_of(cfg, tmp_path)
    with pytest.raises(ValueError, match=line):
        model.teacher.load(model)


def test_a_level_that_both_have_may_be_named(tmp_path):
    cfg = changed(twin('RetinaNet', 'fp32'), **FOUR)
    model = distilled('RetinaNet', tmp_path, dict(type='surge_mmdet.PKD', levels=[0, 1, 2]))
    teacher_of(cfg, tmp_path)
    assert losses_of(model, batch(model))['loss_pkd'] > 0


def test_latent_weights_are_no_real_teacher(tmp_path):
    """A binary student's checkpoint fits its float twin's config by names and shapes."""
    model = distilled('FasterRCNN', tmp_path, LOSSES['pkd'])
    student = built(twin('FasterRCNN'))
    layers = [
        name for name, each in student.named_modules() if type(each).__name__ == 'BinaryConv2d'
    ]
    content = dict(
        state_dict=student.state_dict(), meta=dict(surge_mmdet=dict(methods=dict.fromkeys(layers)))
    )
    torch.save(content, tmp_path / 'teacher.pth')
    with pytest.raises(ValueError, match='were trained as binary ones, and 0 are binary.*fp32_'):
        model.teacher.load(model)
    content['meta']['surge_mmdet']['methods'] = {}
    torch.save(content, tmp_path / 'teacher.pth')
    assert model.teacher.load(model)


def test_a_binary_teacher_is_warned_of(tmp_path, monkeypatch):
    log = []
    monkeypatch.setattr('surge_mmdet.distill.fit.print_log', lambda *words: log.append(words))
    model = distilled('FasterRCNN', tmp_path, LOSSES['pkd'])
    teacher_of(twin('FasterRCNN', 'ste'), tmp_path)
    model.teacher.load(model)
    ((text, _, level),) = log
    assert level == logging.WARNING
    assert 'of its layers are binary. A real teacher has more to teach' in text


def test_a_checkpoint_of_another_config_is_named(tmp_path):
    model = distilled('RetinaNet', tmp_path, LOSSES['pkd'])
    meta = dict(experiment_name='ssd300_20260101')
    torch.save(
        dict(state_dict=built(twin('SSD', 'fp32')).state_dict(), meta=meta),
        tmp_path / 'teacher.pth',
    )
    line = 'does not fit .*teacher.py: .* missing: .*trained as ssd300_20260101. Write teacher='
    with pytest.raises(ValueError, match=line):
        model.teacher.load(model)


def tiny_distilled(tmp_path, *losses: dict) -> Path:
    """The config of a small student and its teacher on tiny data, as a file."""
    file = tiny_config(
        ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste_12e_bccd.py', tmp_path
    )
    cfg = Config.fromfile(file)
    cfg.model = twin('FasterRCNN')
    cfg.model.update(
        student=cfg.model.type,
        type='surge_mmdet.DistilledDetector',
        teacher=teacher_of(twin('FasterRCNN', 'fp32'), tmp_path),
        distillation=list(losses),
    )
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.dump(file)
    return file


@pytest.mark.parametrize('loss', TRAINED)
def test_a_resumed_training_is_bitwise_equal(loss, tmp_path, monkeypatch):
    config = tiny_distilled(tmp_path, LOSSES[loss])
    whole, resumed = tmp_path / 'whole', tmp_path / 'resumed'
    run_mmdet_tool(monkeypatch, 'train.py', config, '--work-dir', whole)
    resumed.mkdir()
    (whole / 'epoch_1.pth').rename(resumed / 'epoch_1.pth')
    (resumed / 'last_checkpoint').write_text(str(resumed / 'epoch_1.pth'))
    run_mmdet_tool(monkeypatch, 'train.py', config, '--work-dir', resumed, '--resume')
    start, want, got = (
        torch.load(path, weights_only=False)['state_dict']
        for path in (resumed / 'epoch_1.pth', whole / 'epoch_2.pth', resumed / 'epoch_2.pth')
    )
    assert [key for key in want if not want[key].equal(got[key])] == []
    own = [key for key in want if key.startswith('extra_losses.') and 'relation' not in key]
    assert loss == 'fgd' or any(not want[key].equal(start[key]) for key in own)
