import pytest
import torch

from surge_mmdet.layers import RPReLU


def test_is_the_published_formula():
    torch.manual_seed(0)
    act = RPReLU(3)
    with torch.no_grad():
        for parameter in act.parameters():
            parameter.normal_()
    x = torch.randn(2, 3, 4, 5) * 2
    gamma, beta, zeta = (
        p.view(1, 3, 1, 1) for p in (act.shift_in, act.prelu.weight, act.shift_out)
    )
    moved = x - gamma
    want = moved.clamp(min=0) + beta * moved.clamp(max=0) + zeta
    torch.testing.assert_close(act(x), want)


@pytest.mark.parametrize('shape', [(4, 2), (4, 2, 3), (4, 2, 3, 3)])
def test_channels_are_axis_one(shape):
    act = RPReLU(2, init=0.5)
    with torch.no_grad():
        act.shift_out.copy_(torch.tensor([0.0, 10.0]))
    out = act(torch.zeros(shape))
    assert out.shape == shape
    assert not out[:, 0].any() and (out[:, 1] == 10).all()


def test_every_parameter_learns():
    act = RPReLU(2)
    act(torch.randn(4, 2)).pow(2).sum().backward()
    assert len(list(act.parameters())) == 3
    assert all(p.grad.any() for p in act.parameters())
