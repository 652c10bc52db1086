"""Every weight rule: published points, autograd of its soft form, what is packed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import (
    RBNN,
    RBONN,
    WEIGHT_RULES,
    XNOR,
    AdaBinWeight,
    BiPer,
    ChannelMean,
    LayerMean,
    LearnableScale,
    Libra,
    MagnitudeAware,
    OvSW,
    RealWeight,
    ReCU,
    binary_sign,
    build_weight_rule,
)
from surge_mmdet.binarizers.weights.standardize import standardize

OUT = 4
PER_CHANNEL = (LearnableScale, ReCU, OvSW, RBNN, RBONN, BiPer)  # of learned scales


def build(kind, *shape):
    return build_weight_rule(dict(type=kind), (OUT, *(shape or (3, 3, 3)))).double()


def weights(seed: int, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(OUT, *(shape or (3, 3, 3)), generator=generator, dtype=torch.double)


def ste(u, f):
    """sign(u) whose gradient is that of f."""
    return f + (binary_sign(u) - f).detach()


def wide(values, like):
    return values.view(-1, *[1] * (like.dim() - 1))


def mean(w):
    return w.abs().mean((1, 2, 3), keepdim=True).detach()


def unit(w):
    flat = w.flatten(1)
    return ((flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True)).view_as(w)


def soft_learnable(rule, w):
    return wide(rule.alpha, w) * ste(w, w.clamp(-1, 1))


def soft_libra(rule, w):
    u = unit(w)
    t = 0.1 * 100**rule.progress
    power = 2 ** mean(u).log2().round()
    return power * ste(u, torch.clamp(1 / t, min=1) * torch.tanh(t * u))


def soft_recu(rule, w):
    u = unit(w) * 2 * math.sqrt(2)
    tau = 0.85 + 0.14 * (math.exp(rule.progress) - 1) / (math.e - 1)
    q = -u.abs().mean().detach() * math.log(2 - 2 * tau)
    return wide(rule.alpha, w) * ste(u, u.clamp(-q, q))


SOFT = {LearnableScale: soft_learnable, Libra: soft_libra, ReCU: soft_recu}


@pytest.mark.parametrize('kind', SOFT, ids=lambda kind: kind.__name__)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), progress=st.sampled_from([0.0, 0.5, 1.0]))
def test_every_gradient_is_that_of_the_soft_form(kind, seed, progress):
    rule, w = build(kind), weights(seed).requires_grad_()
    rule.set_progress(progress)
    rule.start(w)
    g = torch.randn_like(w)
    leaves = [w, *rule.parameters()]
    found = torch.autograd.grad(rule(w), leaves, g)
    for each, want in zip(found, torch.autograd.grad(SOFT[kind](rule, w), leaves, g), strict=True):
        torch.testing.assert_close(each, want, rtol=1e-6, atol=1e-6)


def gradient(rule, w, g):
    w = w.clone().requires_grad_()
    return torch.autograd.grad(rule(w), w, g)[0]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999))
def test_the_four_gradients_of_a_mean(seed):
    w, g = weights(seed), weights(seed + 1000)
    within, n, alpha = (w.abs() <= 1) * g, w[0].numel(), mean(w)
    torch.testing.assert_close(gradient(LayerMean(), w, g), g)
    torch.testing.assert_close(gradient(ChannelMean(), w, g), within)
    torch.testing.assert_close(gradient(MagnitudeAware(), w, g), within * alpha)
    torch.testing.assert_close(gradient(XNOR(), w, g), g / n + within * alpha)


W = torch.tensor([[3.0, 2.0, -1.0, 0.0]], dtype=torch.double)


def test_libra_takes_its_signs_from_the_balanced_weights():
    expected = torch.tensor([[1.0954, 0.5477, -1.0954, -0.5477]], dtype=torch.double)
    torch.testing.assert_close(standardize(W), expected, atol=1e-4, rtol=0)
    rule = Libra().double()
    assert rule(W).tolist() == [[1, 1, -1, -1]]
    assert binary_sign(W).tolist() == [[1, 1, -1, 1]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(1e-3, 1e3), st.floats(-5, 5))
def test_libra_has_the_scale_one_for_usual_weights(seed, size, shift):
    assert (Libra().double()(weights(seed, 32, 3, 3) * size + shift).abs() == 1).all()


@pytest.mark.parametrize('progress, tau', [(0, 0.85), (0.5, 0.902856), (1, 0.99)])
def test_recu_clamps_at_the_quantile_of_its_schedule(progress, tau):
    rule = ReCU(1).double()
    rule.set_progress(progress)
    large = torch.cat([W.flatten(), torch.tensor([400.0], dtype=torch.double)])[None].repeat(1, 40)
    w = standardize(large) * 2 * math.sqrt(2)
    bound = -w.abs().mean() * math.log(2 - 2 * tau)
    torch.testing.assert_close(
        rule.transform(large).max(), torch.min(bound, w.max()), rtol=1e-5, atol=0
    )
    assert torch.equal(binary_sign(rule.transform(large)), binary_sign(w))


def test_recu_at_known_weights():
    rule = ReCU(1).double()
    expected = torch.tensor([[2.7978, 1.5492, -2.7978, -1.5492]], dtype=torch.double)
    torch.testing.assert_close(rule.transform(W), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize('kind', WEIGHT_RULES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize('shape', [(3, 3, 3), (7,), (1, 1, 1)])
@pytest.mark.parametrize('progress', [0.0, 1.0])
def test_what_is_packed_is_what_was_trained(kind, shape, progress):
    w = weights(3, *shape) + 0.2  # a mean that is not 0
    rule = build(kind, *shape).eval()
    rule.start(w)
    rule.before_epoch(w)
    rule.set_progress(progress)
    if kind is AdaBinWeight:
        with pytest.raises(ValueError, match=r'no term for b.*Write|b - a and b \+ a'):
            rule.decompose(w)
        return
    signs, scale = rule.decompose(w)
    assert set(signs.unique().tolist()) <= {-1, 1}
    assert torch.equal(signs * scale, rule(w).detach())
    assert kind is RealWeight or scale.numel() in (1, OUT)


@pytest.mark.parametrize('kind', WEIGHT_RULES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize('value', [0.0, 0.7])
def test_equal_weights_give_no_nan(kind, value):
    w = torch.full((OUT, 2, 3, 3), value, dtype=torch.double, requires_grad=True)
    rule = build(kind, 2, 3, 3)
    rule.start(w)
    rule.before_epoch(w)
    loss = rule.extra_loss(w)
    (rule(w).sum() + (0 if loss is None else loss)).backward()
    assert w.grad.isfinite().all() and rule(w).isfinite().all()


@pytest.mark.parametrize('kind', PER_CHANNEL, ids=lambda kind: kind.__name__)
def test_learned_scales_start_from_the_mean(kind):
    w, rule = weights(0), build(kind)
    rule.start(w)
    torch.testing.assert_close(rule.alpha.data, mean(w).flatten())


def learned(kind, sign: float):
    """A rule whose scales are of this sign, its weights, and what trains."""
    w, rule = (0.05 * weights(0)).requires_grad_(), build(kind)
    rule.start(w)
    rule.alpha.data *= sign
    return rule, w


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('kind', PER_CHANNEL, ids=lambda kind: kind.__name__)
def test_a_scale_below_zero_turns_no_sign_and_its_gradient_points_back(kind, training):
    (rule, w), (other, v) = learned(kind, 1.0), learned(kind, -1.0)
    g = weights(5)
    rule.train(training), other.train(training)
    assert torch.equal(other(v), rule(w))
    mine = torch.autograd.grad(rule(w), [w, rule.alpha], g)
    turned = torch.autograd.grad(other(v), [v, other.alpha], g)
    assert torch.equal(turned[0], mine[0]) and torch.equal(turned[1], -mine[1])
    assert mine[1].all()
    for found, want in zip(other.decompose(v), rule.decompose(w), strict=True):
        assert torch.equal(found, want)
    losses = rule.extra_loss(w), other.extra_loss(v)
    assert losses == (None, None) or torch.equal(*losses)


@pytest.mark.parametrize('kind', PER_CHANNEL, ids=lambda kind: kind.__name__)
def test_the_real_weight_points_where_the_binary_one_does(kind):
    """SURGE's W_a starts from it, or is it; opposite, it would undo the other path."""
    rule, w = learned(kind, -1.0)
    along = (rule.eval()(w) * rule.real_twin(w)).flatten(1).sum(1)
    assert (along > 0).all()


@pytest.mark.parametrize('kind', PER_CHANNEL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize('start', [0.0, 1e-12, -1e-12])
def test_a_scale_of_nothing_still_learns(kind, start):
    rule, w = learned(kind, 1.0)
    rule.alpha.data.fill_(start)
    (gradient,) = torch.autograd.grad(rule(w), rule.alpha, weights(5))
    assert gradient.all() and (rule.decompose(w)[1] > 0).all()


def test_the_sparse_filters_of_rbonn_do_not_depend_on_the_scales_sign():
    (rule, w), (other, _) = learned(RBONN, 1.0), learned(RBONN, -1.0)
    assert torch.equal(rule.backtracked(w), other.backtracked(w))


@pytest.mark.parametrize(
    'kind, wrong',
    [
        (Libra, dict(t_min=-1)),
        (Libra, dict(t_max=0.01)),
        (ReCU, dict(channels=4, tau_start=0.4)),
        (ReCU, dict(channels=4, tau_end=1.0)),
        (ReCU, dict(channels=4, tau_start=0.95, tau_end=0.9)),
    ],
)
def test_wrong_options_show_the_line(kind, wrong):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: .*Write .*type='{kind.__name__}'"):
        kind(**wrong)
