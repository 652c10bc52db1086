"""Real weights in a file: float16, float32, or int8 with a scale per output channel."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surge_mmdet.deploy.real_storage import REAL, SCALE, decode, encode


def tensors():
    torch.manual_seed(0)
    return {
        'conv.weight': torch.randn(8, 4, 3, 3),
        'fc.weight': torch.randn(5, 7) * torch.logspace(-6, 3, 5)[:, None],
        'fc.bias': torch.randn(5),
        'norm.running_var': torch.rand(8) * 1e6,
        'scale': torch.tensor(1.5),
        'conv.bits': torch.randint(-9, 9, (8, 3, 3, 1), dtype=torch.int32),
    }


@pytest.mark.parametrize('real', REAL)
def test_small_tensors_and_bits_are_exact(real):
    want = tensors()
    got = decode(encode(want, real))
    assert got.keys() == want.keys()
    for name in ('fc.bias', 'norm.running_var', 'scale', 'conv.bits'):
        assert got[name].dtype == want[name].dtype and got[name].equal(want[name])


def test_float32_is_exact():
    want = tensors()
    got = decode(encode(want, 'float32'))
    assert all(got[name].equal(want[name]) for name in want)


def test_float16_has_its_eleven_bits():
    want = tensors()
    stored = encode(want, 'float16')
    assert stored['conv.weight'].dtype == torch.float16
    got = decode(stored)['conv.weight']
    assert got.dtype == torch.float32
    assert ((got - want['conv.weight']).abs() <= want['conv.weight'].abs() * 2**-11 + 2**-25).all()


def test_int8_is_within_half_a_step_per_output_channel():
    want = tensors()
    stored = encode(want, 'int8')
    assert stored['fc.weight'].dtype == torch.int8 and stored['fc.weight' + SCALE].shape == (5,)
    got = decode(stored)
    for name in ('conv.weight', 'fc.weight'):
        largest = want[name].flatten(1).abs().amax(1)
        error = (got[name] - want[name]).flatten(1).abs().amax(1)
        assert (error <= largest / 127 * 0.5001).all()
        assert torch.allclose(got[name].flatten(1).abs().amax(1), largest)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(-40, 30), st.integers(0, 999))
def test_int8_of_any_magnitude(outputs, inputs, power, seed):
    torch.manual_seed(seed)
    want = torch.randn(outputs, inputs) * 2.0**power
    want[0] = 0
    got = decode(encode(dict(w=want), 'int8'))['w']
    assert got.isfinite().all() and (got[0] == 0).all()
    step = want.abs().amax(1, keepdim=True) / 127
    assert ((got - want).abs() <= 0.51 * step + 1e-45).all()


def test_what_float16_cannot_hold_stays_float32():
    large = torch.tensor([[1e5, 1.0]])
    stored = encode(dict(w=large), 'float16')
    assert stored['w'].dtype == torch.float32 and decode(stored)['w'].equal(large)


@pytest.mark.parametrize(
    'real, kind', [('float16', torch.float32), ('int8', torch.float16), ('float32', torch.float32)]
)
def test_weights_in_front_of_signs_are_one_step_finer(real, kind):
    stored = encode(tensors(), real, finer={'conv.weight'})
    assert stored['conv.weight'].dtype == kind
    assert 'conv.weight' + SCALE not in stored


@pytest.mark.parametrize('real', REAL)
def test_latent_weights_are_exact(real):
    want = tensors()
    got = decode(encode(want, real, finer={'fc.weight'}, exact={'fc.weight'}))
    assert got['fc.weight'].equal(want['fc.weight'])


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_diverged_training_is_refused(bad):
    with pytest.raises(ValueError, match='fc.bias holds NaN or infinity.*earlier checkpoint'):
        encode({'fc.bias': torch.tensor([1.0, bad])}, 'float16')


def test_an_unknown_type_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="unknown 'int4'.*Write --real int8"):
        encode({}, 'int4')


@pytest.mark.parametrize(
    'stored, why',
    [
        (dict(w=torch.zeros(2, 2, dtype=torch.int8)), 'w is int8 without a scale'),
        ({'w': torch.zeros(2, 2, dtype=torch.int8), 'w:scale': torch.ones(3)}, 'without a scale'),
        ({'w': torch.zeros(2, dtype=torch.int8), 'w:scale': torch.ones(2)}, 'without a scale'),
        ({'w': torch.zeros(2, 2), 'w:scale': torch.ones(2)}, 'scales without int8 weights'),
        ({'w:scale': torch.ones(2)}, 'scales without int8 weights'),
    ],
)
def test_scales_that_do_not_fit_are_refused(stored, why):
    with pytest.raises(ValueError, match=why):
        decode(stored)
