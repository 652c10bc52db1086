"""Proposals of packed heads are mmdet's, in its order."""

import copy

import pytest
import torch
from deploy.packing import config, detector
from mmdet.models.dense_heads import RPNHead
from mmengine.config import ConfigDict

from surge_mmdet.deploy.fold import pack_model
from surge_mmdet.deploy.fused import blocks
from surge_mmdet.deploy.fused.fuse import fuse
from surge_mmdet.deploy.fused.rpn import FewCandidates, PackedRPNHead, best_of_level
from surge_mmdet.kernels import ops
from surge_mmdet.models import BinaryRPNHead

KERNELS = (*ops.compiled_kernels(), 'torch')
META = dict(img_shape=(96, 128), scale_factor=(1.0, 1.0))
CFG = dict(nms_pre=100, max_per_img=40, nms=dict(type='nms', iou_threshold=0.7), min_bbox_size=0)
ANCHORS = dict(type='AnchorGenerator', scales=[4], ratios=[0.5, 1.0, 2.0], strides=[8, 16])


def head_of(kind, channels=16, **changes):
    torch.manual_seed(0)
    head = kind(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=ANCHORS,
        test_cfg=ConfigDict({**CFG, **changes}),
    )
    for part in (head.rpn_cls, head.rpn_reg):
        torch.nn.init.normal_(part.weight, std=0.5)
        torch.nn.init.normal_(part.bias)
    return head.eval()


def maps(channels=16, images=2):
    torch.manual_seed(1)
    return [torch.randn(images, channels, 96 // s, 128 // s) for s in (8, 16)]


@pytest.mark.parametrize('count', [1, 50, 191, 192, 500, 0, -1])
def test_the_best_are_those_of_a_stable_sort(count):
    torch.manual_seed(0)
    logits = torch.randn(3, 8, 8).mul(4).round() / 4  # many are equal
    logits[0, 0, :3] = torch.tensor([99.0, 98.0, float('inf')])  # all of score 1
    offsets, priors = torch.randn(12, 8, 8), torch.randn(192, 4)
    scores = logits.permute(1, 2, 0).reshape(-1).sigmoid()
    order = scores.sort(descending=True, stable=True)[1]
    want = (order[:count] if 0 < count < 192 else order).sort()[0]
    got = best_of_level(logits, offsets, priors, count)
    assert got[0].permute(1, 2, 0).reshape(-1).sigmoid().equal(scores[want])
    assert (
        got[1].permute(1, 2, 0).reshape(-1, 4).equal(offsets.permute(1, 2, 0).reshape(-1, 4)[want])
    )
    assert got[2].equal(priors[want])


def test_scores_that_are_no_numbers_stay_with_mmdet():
    logits = torch.full((3, 4, 4), float('nan'))
    given = (logits, torch.zeros(12, 4, 4), torch.zeros(48, 4))
    assert all(a is b for a, b in zip(best_of_level(*given, 5), given, strict=True))
    logits[0, 0, 0] = logits[2, 3, 3] = 1.0
    logits[:, 1:3] = 0.5
    assert len(best_of_level(*given, 25)[2]) in (25, 48)


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('kind, twin', [(RPNHead, FewCandidates), (BinaryRPNHead, PackedRPNHead)])
@pytest.mark.parametrize('changes', [{}, dict(nms_pre=-1), dict(nms_pre=7), dict(max_per_img=9)])
def test_proposals_are_mmdets(monkeypatch, kernel, kind, twin, changes):
    monkeypatch.setenv('SURGE_KERNEL', kernel)
    head, feats = head_of(kind, **changes), maps()
    holder = torch.nn.ModuleList([copy.deepcopy(head)])
    fused = fuse(pack_model(holder)[0] if kind is BinaryRPNHead else holder)[0]
    assert type(fused) is twin
    with torch.no_grad():
        predicted = fused(tuple(feats))  # the same numbers for both ways of choosing
        for a, b in zip(head(tuple(feats)), predicted, strict=True):
            for x, y in zip(a, b, strict=True):
                torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-4)
        want = head.predict_by_feat(*predicted, batch_img_metas=[META] * 2)
        got = fused.predict_by_feat(*predicted, batch_img_metas=[META] * 2)
    for one, other in zip(want, got, strict=True):
        assert len(one) and one.bboxes.equal(other.bboxes) and one.scores.equal(other.scores)


def test_heads_that_stay():
    softmax = dict(loss_cls=dict(type='CrossEntropyLoss'))
    assert not FewCandidates.fits(RPNHead(8, feat_channels=8, anchor_generator=ANCHORS, **softmax))
    assert not PackedRPNHead.fits(BinaryRPNHead(8, feat_channels=8))  # nothing is packed


def test_the_pyramid_packs_the_signs_that_the_head_reads():
    fused = copy.deepcopy(fuse(pack_model(detector(config('FasterRCNN')))[0]))
    neck, conv = fused.neck, fused.rpn_head.fused.conv
    assert neck.reader is conv and not any(m is conv for m in neck.modules())
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        handed = fused.extract_feat(x)
        found = fused.rpn_head(handed)
        neck.pack_signs_for(None)
        packed = fused.extract_feat(x)
        assert not hasattr(packed[0], blocks.SIGNS)
        for level in handed[:4]:
            known, bits = getattr(level, blocks.SIGNS)
            assert known is conv and bits.equal(conv.signs(blocks.to_nhwc(level)))
        for one, other in zip(found, fused.rpn_head(packed), strict=True):
            assert all(a.equal(b) for a, b in zip(one, other, strict=True))
