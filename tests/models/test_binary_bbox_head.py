import pytest
import torch
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmengine.registry import DefaultScope
from torch import nn

from surge_mmdet.layers import BinaryLinear
from surge_mmdet.models import BinaryShared2FCBBoxHead, compare


@pytest.fixture(autouse=True)
def mmdet_scope():
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def build(cls=BinaryShared2FCBBoxHead, **kwargs):
    torch.manual_seed(1)
    return cls(in_channels=4, fc_out_channels=16, roi_feat_size=3, num_classes=5, **kwargs)


def features(number=6):
    return torch.randn(number, 4, 3, 3, generator=torch.manual_seed(0))


def test_shared_layers_are_binary_and_predictions_real():
    head = build()
    assert [type(m) for m in head.shared_fcs] == [BinaryLinear] * 2
    assert type(head.fc_cls) is type(head.fc_reg) is nn.Linear
    assert head.policy_decisions['fc_cls'].reason.startswith('prediction')


def test_scores_and_offsets_have_mmdets_shapes():
    own, mmdets = build()(features()), build(Shared2FCBBoxHead)(features())
    assert [o.shape for o in own] == [o.shape for o in mmdets] == [(6, 6), (6, 20)]


def test_a_shortcut_goes_around_the_second_layer_only():
    head = build().eval()
    for norm in head.shared_norms:
        nn.init.zeros_(norm.weight)
    nn.init.ones_(head.shared_norms[0].bias)
    scores, _ = head(features())
    inner = head.shared_acts[1](head.shared_acts[0](torch.ones(6, 16)))
    torch.testing.assert_close(scores, head.fc_cls(inner))


def test_both_signs_reach_both_layers():
    head, shares = build(), []
    for fc in head.shared_fcs:
        fc.register_forward_pre_hook(
            lambda _, args: shares.append((args[0] >= 0).double().mean().item())
        )
    head(features(32))
    assert len(shares) == 2 and all(0.2 < s < 0.8 for s in shares)


def test_none_keeps_the_structure_real():
    head = build(policy=None)
    assert type(head.shared_fcs[0]) is nn.Linear
    plain = build(policy=dict(linear=dict(surge=None)))
    assert head.state_dict().keys() == plain.state_dict().keys()
    assert type(plain.shared_fcs[0]) is BinaryLinear
    assert not plain.shared_fcs[0].compensated


def test_real_head_loads_into_latent_weights():
    real, head = build(Shared2FCBBoxHead), build()
    report = compare(head, real.state_dict())
    assert sorted(report.matched) == sorted(real.state_dict())
    assert all(n.startswith('shared_') for n in report.missing)


def test_learns_through_both_paths():
    head = build()
    x = features().requires_grad_()
    sum(o.pow(2).sum() for o in head(x)).backward()
    assert x.grad.any()
    assert all(fc.aux_weight.grad.any() for fc in head.shared_fcs)
