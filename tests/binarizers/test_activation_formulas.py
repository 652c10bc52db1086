"""Every activation binarizer: published points, autograd of its soft form, layers, packing."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from surge_mmdet.binarizers import (
    ACTIVATIONS,
    AdaBin,
    RSign,
    SignDSQ,
    SignEDE,
    SignEWGS,
    SignIdentity,
    SignLSQ,
    SignPolynomial,
    SignRBNN,
    SignReSTE,
    SignSine,
    SignSTE,
    SignSwish,
    Ternary,
    binary_sign,
)

CHANNELS = 3
OFFSET = (AdaBin, Ternary)  # whose levels are not -a and +a


def build(kind, **options):
    found = kind(CHANNELS) if kind is RSign else kind(**options)
    return found.double()


def at(binarizer, progress: float):
    binarizer.set_progress(progress)
    return binarizer


def slope(binarizer, *values) -> list:
    x = torch.tensor(values, dtype=torch.double)
    return binarizer.surrogate_grad(torch.ones_like(x), x).tolist()


# Values of each formula worked out by hand at points where it is easy to get wrong.
@pytest.mark.parametrize(
    'binarizer, progress, points',
    [
        (SignSTE(), 0, {-1.5: 0, -1: 1, 0.5: 1}),
        (SignIdentity(), 0, {-9: 1, 0: 1}),
        (SignPolynomial(), 0, {-1.5: 0, -0.25: 1.5, 0.5: 1}),
        (SignEDE(), 0, {0.5: 0.997504}),
        (SignEDE(), 0.5, {0.5: 0.786448}),
        (SignEDE(), 1, {0.5: 0.00181583, 0: 10}),
        (SignRBNN(), 0, {0: 1.414214, 0.5: 1.409214}),
        (SignRBNN(), 1, {0.1: 4.142136, 0.2: 0}),
        (SignReSTE(), 0, {0.05: 1, 0.5: 1, 1.4: 1, 1.6: 0}),
        (SignReSTE(), 1, {0.05: 4.641589, 0.5: 0.529134, 1: 1 / 3, 1.6: 0}),
        (SignSwish(), 0, {0: 5, 0.2: 3.023661, 0.5: -0.0846216, 1: -0.194992}),
        (SignSine(), 0, {0: 1.273240, 0.5: 1.071841, 1: 0.579843}),
        (SignSine(omega=math.pi / 2), 0, {0: 20, 0.25: 2.613126, 0.5: 0, 2: -20}),
        (SignSine(), 1, {0: 4 * 0.1 * 19 / math.pi}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else '',
)
def test_slope_at_known_points(binarizer, progress, points):
    found = slope(at(binarizer.double(), progress), *points)
    assert found == pytest.approx(list(points.values()), abs=2e-6, rel=2e-6)


def test_the_power_grows_by_a_quarter_of_a_cosine():
    reste = at(SignReSTE().double(), 0.5)
    o = 1.585786
    assert slope(reste, 0.5) == pytest.approx([0.5 ** (1 / o - 1) / o], rel=1e-5)


def test_scaled_gradient_depends_on_its_own_sign():
    ewgs, x = SignEWGS(delta=0.2), torch.tensor([0.4, 0.4, -0.4, 1.2])
    found = ewgs.surrogate_grad(torch.tensor([1.0, -1.0, 1.0, 1.0]), x)
    assert found.tolist() == pytest.approx([0.94, -1.06, 1.06, 0])


def gradients(binarizer, x, g) -> tuple:
    return torch.autograd.grad(binarizer(x), [x, *binarizer.parameters()], g)


def ste(u, f):
    """sign(u) whose gradient is that of f."""
    return f + (binary_sign(u) - f).detach()


def soft_ede(b, x):
    t = 0.1 * 100**b.progress
    return ste(x, torch.clamp(1 / t, min=1) * torch.tanh(t * x))


def soft_rbnn(b, x):
    t = 0.01 * 1000**b.progress
    inside = -binary_sign(x) * t**2 * x**2 / 2 + math.sqrt(2) * t * x
    edge = math.sqrt(2) / t
    return ste(x, torch.clamp(1 / t, min=1) * torch.where(x.abs() < edge, inside, binary_sign(x)))


def soft_swish(b, x):
    s = torch.sigmoid(5 * x)
    return ste(x, 2 * s * (1 + 5 * x * (1 - s)) - 1)


def soft_sine(b, x):
    n = 9 + int(9 * b.progress)
    odd = torch.arange(n + 1, dtype=x.dtype) * 2 + 1
    return ste(x, (4 / math.pi * torch.sin(odd * 0.1 * x[..., None]) / odd).sum(-1))


def soft_lsq(b, x):
    slow = x[0].numel() ** -0.5
    s = b.step * slow + (b.step * (1 - slow)).detach()
    u = x / s
    return s * ste(u, u.clamp(-1, 1))


def soft_polynomial(b, u):
    return ste(u, torch.where(u.abs() < 1, 2 * u - u * u.abs(), binary_sign(u)))


def soft_rsign(b, x):
    return soft_polynomial(b, x - b.threshold.view(1, -1, 1))


def soft_adabin(b, x):
    return b.spread * soft_polynomial(b, (x - b.offset) / b.spread) + b.offset


def soft_reste(b, x):
    """The power, the chord from 0 to its value at m, and what it is at t beyond t."""
    power = 1 / (1 + 2 * (1 - math.cos(math.pi * float(b.progress) / 2)))
    curve = binary_sign(x) * x.abs().clamp(0.1, 1.5) ** power
    return ste(x, torch.where(x.abs() < 0.1, x * 0.1**power / 0.1, curve))


def soft_dsq(b, x):
    a = torch.sigmoid(b.sharpness) / 2
    k, m = torch.log(2 / a - 1) / (b.upper - b.lower), (b.lower + b.upper) / 2
    inside = torch.where(x < b.lower, b.lower, torch.where(x > b.upper, b.upper, x))
    return ste(x - m, torch.tanh(k * (inside - m)) / (1 - a))


SOFT = {
    SignPolynomial: soft_polynomial,
    SignEDE: soft_ede,
    SignRBNN: soft_rbnn,
    SignReSTE: soft_reste,
    SignSwish: soft_swish,
    SignSine: soft_sine,
    SignLSQ: soft_lsq,
    RSign: soft_rsign,
    AdaBin: soft_adabin,
    SignDSQ: soft_dsq,
}


@pytest.mark.parametrize('kind', SOFT, ids=lambda k: k.__name__)
@settings(max_examples=15, deadline=None)
@example(seed=551, progress=0.3)
@given(seed=st.integers(0, 999), progress=st.sampled_from([0.0, 0.3, 1.0]))
def test_every_gradient_is_that_of_the_soft_form(kind, seed, progress):
    torch.manual_seed(seed)
    binarizer = at(build(kind), progress)
    for parameter in binarizer.parameters():  # away from where it starts
        parameter.data += 0.2 * torch.rand_like(parameter)
    x = (2 * torch.randn(2, CHANNELS, 5, dtype=torch.double)).requires_grad_()
    g = torch.randn_like(x)
    found = gradients(binarizer, x, g)
    leaves = [x, *binarizer.parameters()]
    wanted = torch.autograd.grad(SOFT[kind](binarizer, x), leaves, g)
    for each, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(each, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('kind', ACTIVATIONS, ids=lambda k: k.__name__)
def test_levels_are_two_and_zero_is_positive(kind):
    binarizer = build(kind)
    x = torch.linspace(-2, 2, 4 * CHANNELS * 3, dtype=torch.double).view(4, CHANNELS, 3)
    x[0, 0, 0], x[1, 1, 1] = 0.0, -0.0
    with torch.no_grad():
        q = binarizer(x)
    assert q.unique().numel() == (3 if kind is Ternary else 2)
    if kind is not Ternary:
        assert (q[0, 0, 0] > 0) and (q[1, 1, 1] > 0)


@pytest.mark.parametrize('kind', ACTIVATIONS, ids=lambda k: k.__name__)
def test_packed_form_is_what_the_forward_does(kind):
    torch.manual_seed(0)
    binarizer = build(kind)
    for parameter in binarizer.parameters():
        parameter.data += 0.2 * torch.rand_like(parameter)
    if kind in OFFSET:
        with pytest.raises(ValueError, match='packed_form|no term for b'):
            binarizer.packed_form()
        return
    threshold, factor = binarizer.packed_form()
    x = torch.randn(4, CHANNELS, 7, dtype=torch.double)
    t = 0 if threshold is None else threshold.view(-1, 1)
    want = binary_sign(x - t) * (1 if factor is None else factor)
    torch.testing.assert_close(binarizer(x).detach(), want)


@pytest.mark.parametrize('kind', ACTIVATIONS, ids=lambda k: k.__name__)
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_neither_overflows_nor_leaves_its_type(kind, dtype):
    binarizer = at(build(kind).float(), 1.0)
    x = torch.tensor([-6e4, -3.0, -0.1, 0.0, 0.1, 20.0, 6e4]).to(dtype)
    x = x.expand(2, CHANNELS, 7).clone().requires_grad_()
    y = binarizer(x)
    y.backward(torch.ones_like(y))
    assert y.dtype == x.grad.dtype == dtype
    assert y.isfinite().all() and x.grad.isfinite().all()


@pytest.mark.parametrize(
    'kind, wrong',
    [
        (SignEDE, dict(t_min=0)),
        (SignEDE, dict(t_min=3, t_max=1)),
        (SignRBNN, dict(t_max=math.inf)),
        (SignReSTE, dict(o_end=0.5)),
        (SignReSTE, dict(near=2.0)),
        (SignDSQ, dict(a=0.5)),
        (SignDSQ, dict(a=1e-4)),
        (SignDSQ, dict(lower=2.0)),
        (SignSwish, dict(beta=-1)),
        (SignSine, dict(omega=0)),
        (SignSine, dict(n_start=20)),
        (SignEWGS, dict(delta='x')),
        (Ternary, dict(ratio=math.nan)),
    ],
)
def test_wrong_options_show_the_line(kind, wrong):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: .*Write .*type='{kind.__name__}'"):
        kind(**wrong)


def test_the_step_starts_from_the_first_batch():
    lsq = SignLSQ()
    lsq.start(torch.tensor([1.0, -3.0]))
    assert lsq.step.item() == 2
    assert lsq.packed_form()[1].item() == 2


@pytest.mark.parametrize('shape', [(CHANNELS, 5, 4), (7,)])
@pytest.mark.parametrize('images', [1, 8])
def test_the_steps_gradient_is_divided_by_the_root_of_one_samples_values(shape, images):
    """With a loss that is a mean over the batch, its size does not matter."""
    generator = torch.Generator().manual_seed(0)
    x, g = (torch.randn(1, *shape, generator=generator, dtype=torch.double) for _ in range(2))
    lsq = build(SignLSQ)
    lsq.step.data.fill_(0.5)
    want = (g * (binary_sign(x) - x / 0.5 * (x.abs() <= 0.5))).sum() / x.numel() ** 0.5
    batch, mean = (each.expand(images, *shape) for each in (x, g / images))
    (found,) = torch.autograd.grad(lsq(batch), lsq.step, mean)
    torch.testing.assert_close(found, want)


def test_a_step_takes_a_batch_without_samples():
    lsq = SignLSQ()
    x = torch.randn(0, CHANNELS, 4, requires_grad=True)
    lsq(x).sum().backward()
    assert x.grad.shape == x.shape and lsq.step.grad == 0


@pytest.mark.parametrize('sharpness, a', [(-200.0, 1e-3), (-8.0, 1e-3), (200.0, 0.499)])
@pytest.mark.parametrize('dtype', [torch.float, torch.double])
def test_the_sharpness_of_dsq_stays_in_its_range(sharpness, a, dtype):
    """Beyond about -90 the sigmoid is 0 in float32, and ln(2 / a - 1) infinite."""
    dsq = SignDSQ().to(dtype)
    dsq.sharpness.data.fill_(sharpness)
    x = torch.tensor([-0.5, 0.0, 0.001, 0.5], dtype=dtype, requires_grad=True)
    phi = dsq.transform(x)
    k = math.log(2 / a - 1) / 2
    want = torch.tanh(k * x.detach()) / (1 - a)
    torch.testing.assert_close(phi.detach(), want, rtol=1e-5, atol=1e-6)
    phi.sum().backward()
    assert all(each.grad.isfinite().all() for each in (x, *dsq.parameters()))


def test_a_sharpness_out_of_range_comes_back():
    dsq = SignDSQ().double()
    dsq.sharpness.data.fill_(-12.0)  # a = 3e-6
    x = torch.tensor([[0.1, 0.3, -0.2]], dtype=torch.double)
    optimizer = torch.optim.Adam([dsq.sharpness], lr=0.5)
    for _ in range(30):  # the loss is least for a flat phi, that is a large a
        optimizer.zero_grad()
        dsq.transform(x).square().sum().backward()
        optimizer.step()
    assert torch.sigmoid(dsq.sharpness) / 2 > 1e-2
