"""BiDet's losses: at points worked out by hand, in one and two stages, over a training."""

import copy
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import MODELS

from surge_mmdet.engine.checks.progress import check_progress, scheduled_modules
from surge_mmdet.losses import (
    Context,
    InformationBottleneck,
    SparseObjectPrior,
    View,
    sparse_prior,
    without_losses,
)
from surge_mmdet.losses.detections import Suppression, suppressed

sys.path.append(str(Path(__file__).parents[1] / 'models'))
from tiny_twins import batch, built, twin  # noqa: E402

NAMES = ('FasterRCNN', 'C4', 'SSD', 'RetinaNet')
BOTH = (
    dict(type='surge_mmdet.InformationBottleneck', start=0.0),
    # A RetinaNet begins with scores of 0.01.
    dict(type='surge_mmdet.SparseObjectPrior', start=0.0, score_thr=0.001),
)


def with_losses(name: str, *losses, method: str = 'ste'):
    cfg = twin(name, method)
    cfg.update(plain=cfg.type, type='surge_mmdet.DetectorWithLosses', losses=list(losses))
    return built(cfg)


@pytest.mark.parametrize(
    'scores, objects, want',
    [
        ([0.5, 0.5], 1, math.log(2)),
        ([0.1, 0.1], 1, math.log(2)),  # only shares count
        ([0.25] * 4, 2, math.log(4) / 2),
        ([0.9, 0.1], 1, -0.9 * math.log(0.9) - 0.1 * math.log(0.1)),
        ([0.9, 0.1], 2, 0),  # no more than there are objects
        ([1.0, 0.0], 1, 0),
        ([], 1, 0),
    ],
)
def test_sparse_prior_by_hand(scores, objects, want):
    found = sparse_prior(torch.tensor(scores, dtype=torch.double), objects)
    assert found.item() == pytest.approx(want, abs=1e-9)


def test_gradient_of_the_sparse_prior():
    """The sum is a constant: -(log q + 1) / (n S)."""
    scores = torch.tensor([0.6, 0.2, 0.2], dtype=torch.double, requires_grad=True)
    sparse_prior(scores, 1).backward()
    want = -(scores.detach().log() + 1)
    assert torch.allclose(scores.grad, want)
    assert scores.grad[0] < 0 < scores.grad[1]  # the best rises, the others fall


def test_suppression_keeps_the_best_of_each_class_with_its_gradient():
    boxes = torch.tensor([[0, 0, 9, 9], [0, 0, 9, 8], [30, 30, 40, 40]]).float()
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.7], [0.02, 0.6]], requires_grad=True)
    how = Suppression(0.05, dict(type='nms', iou_threshold=0.5), 100, 10)
    found = suppressed(scores, boxes[:, None].expand(3, 2, 4), how)
    assert sorted(zip(found.labels.tolist(), found.scores.tolist(), strict=True)) == [
        (0, pytest.approx(0.9)),
        (1, pytest.approx(0.6)),
        (1, pytest.approx(0.7)),
    ]
    found.scores.sum().backward()
    assert scores.grad.tolist() == [[1, 0], [0, 1], [0, 1]]
    few = suppressed(scores, boxes[:, None].expand(3, 2, 4), how._replace(after=1))
    assert few.scores.tolist() == [pytest.approx(0.9)]


def test_without_a_score_nothing_is_left():
    how = Suppression(0.5, dict(type='nms', iou_threshold=0.5), 100, 10)
    scores = torch.full((3, 2), 0.4, requires_grad=True)
    found = suppressed(scores, torch.rand(3, 2, 4), how)
    assert len(found.scores) == len(found.labels) == 0 and found.scores.requires_grad


def test_bottleneck_is_the_mean_square():
    maps = [torch.ones(2, 8, 4, 4, dtype=torch.double), 3 * torch.ones(2, 8, 2, 2)]
    model = built(twin('RetinaNet', 'fp32'))
    loss = InformationBottleneck(0.1, start=0.0)
    assert loss(Context(View(maps, model))).item() == pytest.approx(0.1 * 5)


def test_bottleneck_of_two_stages_reads_what_predictions_read():
    model = with_losses('FasterRCNN', dict(BOTH[0], weight=0.5, region_weight=0.02))
    seen = {}
    for name in ('rpn_head.rpn_cls', 'roi_head.bbox_head.fc_cls'):
        layer = model.get_submodule(name)
        layer.register_forward_pre_hook(
            lambda _, args, name=name: seen.setdefault(name, []).append(args[0].square().mean())
        )
    data = batch(model)
    found = model.loss(**_named(data))['loss_informationbottleneck']
    rpn, regions = (sum(values) / len(values) for values in seen.values())
    assert len(seen['rpn_head.rpn_cls']) == 5
    assert found.item() == pytest.approx((0.5 * rpn + 0.02 * regions).item(), rel=1e-5)


def _named(data: dict) -> dict:
    return dict(batch_inputs=data['inputs'], batch_data_samples=data['data_samples'])


@pytest.mark.parametrize('name', NAMES)
def test_both_train_one_and_two_stages(name):
    model = with_losses(name, *BOTH)
    plain = built(twin(name))
    plain.load_state_dict(model.state_dict(), strict=True)
    data = batch(model, (1, 1))  # C4's anchors leave two proposals in a small image
    torch.manual_seed(1)
    want = plain.loss(**_named(copy.deepcopy(data)))
    torch.manual_seed(1)
    losses = model.loss(**_named(data))
    own = {key: losses.pop(key) for key in list(losses) if key not in want}
    assert own.keys() == {'loss_informationbottleneck', 'loss_sparseobjectprior'}
    assert losses.keys() == want.keys()
    assert all(torch.equal(_total(losses[key]), _total(want[key])) for key in want)
    assert all(value.isfinite() and value > 0 for value in own.values())
    sum(own.values()).backward()
    touched = {key for key, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert any('backbone' in key for key in touched)
    scoring = 'rpn_cls' if name in ('FasterRCNN', 'C4') else 'bbox_head'
    assert any(scoring in key for key in touched)
    assert not any(p.grad is not None and not p.grad.isfinite().all() for p in model.parameters())


def _total(value):
    return sum(value) if isinstance(value, (list, tuple)) else value


def test_scores_of_ssd_are_those_of_its_own_test():
    """With the detector's own threshold the same boxes are left."""
    model = with_losses('SSD', BOTH[1], method='fp32')
    data = batch(model)
    with torch.no_grad():
        maps = model.extract_feat(data['inputs'])
    view = View(maps, model)
    metas = [sample.metainfo for sample in data['data_samples']]
    cfg = model.test_cfg | dict(score_thr=0.2, nms_pre=99999)
    want = view.found(metas, **cfg)
    own = Suppression(0.2, cfg.nms, 99999, cfg.max_per_img)
    found = SparseObjectPrior._dense(Context(view, None, data['data_samples']), own)
    for a, b in zip(found, want, strict=True):
        assert len(a.scores) == len(b.scores) > 0
        assert torch.allclose(a.scores.sort().values, b.scores.sort().values)


def test_scores_of_the_box_head_are_those_of_its_own_test():
    model = with_losses('FasterRCNN', BOTH[1], method='fp32').eval()
    data = batch(model)
    roi_head = model.roi_head
    maps = model.extract_feat(data['inputs'])
    proposals = model.rpn_head.predict(maps, data['data_samples'])
    rois = torch.cat([torch.cat([torch.full((len(p), 1), float(i)), p.bboxes], 1)
                      for i, p in enumerate(proposals)])  # fmt: skip
    result = roi_head._bbox_forward(maps, rois)
    outputs = result['cls_score'], result['bbox_pred']
    cfg = roi_head.test_cfg | dict(score_thr=0.25)
    metas = [sample.metainfo for sample in data['data_samples']]
    want = roi_head.predict_bbox(maps, metas, proposals, cfg, rescale=False)
    from surge_mmdet.losses.detections import region_detections

    own = Suppression(0.25, cfg.nms, 99999, cfg.max_per_img)
    found = region_detections(roi_head.bbox_head, outputs, rois, metas, own)
    for a, b in zip(found, want, strict=True):
        assert len(a.scores) == len(b.scores) > 0
        assert torch.allclose(a.scores.sort().values, b.scores.sort().values, atol=1e-5)


@pytest.mark.parametrize('name', NAMES)
def test_images_without_objects_give_no_prior(name):
    model = with_losses(name, *BOTH)
    losses = model.loss(**_named(batch(model, (0, 0))))
    assert losses['loss_sparseobjectprior'].item() == 0
    assert losses['loss_informationbottleneck'].item() > 0
    losses['loss_sparseobjectprior'].backward()


def test_they_join_in_after_their_share_of_the_training():
    loss = InformationBottleneck(0.1, start=0.5)
    view = View([torch.ones(1, 2, 3, 3, requires_grad=True)], built(twin('RetinaNet')))
    found = []
    for progress in (0.0, 0.49, 0.5, 1.0):
        loss.set_progress(progress)
        found.append(loss(Context(view)).item())
    assert found == pytest.approx([0, 0, 0.1, 0.1])


def test_the_progress_hook_finds_them():
    model = with_losses('RetinaNet', *BOTH)
    assert set(scheduled_modules(model)) == {
        'extra_losses.informationbottleneck',
        'extra_losses.sparseobjectprior',
    }
    runner = SimpleNamespace(model=model, hooks=[])
    with pytest.raises(ValueError, match='2 modules change over the training.*ProgressHook'):
        check_progress(runner)


# mmcv's suppression of proposals knows no bfloat16 on a CPU.
@pytest.mark.parametrize('name', ('SSD', 'RetinaNet'))
def test_under_autocast_the_losses_are_float32(name):
    model = with_losses(name, *BOTH)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(**_named(batch(model)))
    for key in ('loss_informationbottleneck', 'loss_sparseobjectprior'):
        assert losses[key].dtype == torch.float and losses[key].isfinite()
        losses[key].backward(retain_graph=True)


@pytest.mark.parametrize(
    'kind, keys, line',
    [
        (
            InformationBottleneck,
            dict(weight=-1),
            'weight must be a number and not negative.*Write dict',
        ),
        (
            SparseObjectPrior,
            dict(region_weight=-1),
            'region_weight must be a number.*region_weight=1.0',
        ),
        (InformationBottleneck, dict(start=1.5), r'start must be a share.*start=0.1\)'),
    ],
)
def test_wrong_options_show_the_line(kind, keys, line):
    with pytest.raises(ValueError, match=line):
        kind(**keys)


def test_detectors_that_they_do_not_know_are_refused():
    with pytest.raises(TypeError, match=r'plain must be the type.*Write model=dict\(type='):
        MODELS.build(dict(type='surge_mmdet.DetectorWithLosses'))
    with pytest.raises(TypeError, match='PKD needs a teacher. Write model=.*DistilledDetector'):
        with_losses('RetinaNet', dict(type='surge_mmdet.PKD'))
    with pytest.raises(ValueError, match='FCOSHead has no anchors'):
        with_losses('FCOS', BOTH[1])


def test_the_plain_detector_is_deployed():
    cfg = twin('SSD')
    wrapped = dict(cfg, type='surge_mmdet.DetectorWithLosses', plain=cfg.type, losses=[BOTH[0]])
    assert without_losses(wrapped) == cfg.to_dict()
    assert without_losses(cfg) is cfg


def test_losses_around_losses_are_refused():
    """Those of the inner detector would be lost without a word."""
    cfg = twin('SSD')
    cfg.update(plain=cfg.type, type='surge_mmdet.DetectorWithLosses', losses=[BOTH[0]])
    outer = dict(cfg, type='surge_mmdet.DistilledDetector', student=cfg['type'])
    outer.update(teacher=dict(config='a.py'), distillation=[dict(type='surge_mmdet.PKD')])
    with pytest.raises(TypeError, match=r'\(InformationBottleneck\), which would be lost. Write'):
        built(outer)
