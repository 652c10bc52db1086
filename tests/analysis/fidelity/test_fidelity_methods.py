"""Methods on one model's weights: what they compute, and that they leave no trace."""

import pytest
import torch
from analysis.fidelity.small_net import binary_net, noise
from torch import nn

from surge_mmdet.analysis.fidelity import (
    MEASURED,
    compare,
    estimate,
    gradients,
    input_shape,
    measure,
    trained_by,
)
from surge_mmdet.analysis.fidelity.methods import ConstantScaler
from surge_mmdet.binarizers import SignSTE
from surge_mmdet.convert import swap
from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.methods import METHODS

LABELS = ['STE', 'polynomial', 'DPGC, lambda 1', 'SURGE', 'polynomial + SURGE']


def of(net, loss, method):
    shape = input_shape(net[1], loss)
    with trained_by(net, method):
        return estimate(net[1], loss, shape)


def slopes(aux_factor):
    net, loss = binary_net(aux_factor, eta=1.0)
    found = {name: of(net, loss, METHODS[name]) for name in ('ste', 'surge')}
    return measure(net[1], loss, found, 0.3, 300, noise())


def test_it_can_come_out_against_surge():
    rows = slopes(aux_factor=-1.0)
    assert rows['surge'].difference_interval[1] < 0


def test_differences_to_the_first_are_paired():
    rows = slopes(aux_factor=1.0)
    ste, surge = rows['ste'], rows['surge']
    assert ste.difference == 0 and ste.difference_interval == (0, 0)
    assert surge.difference == pytest.approx(surge.slope - ste.slope)
    low, high = surge.difference_interval
    assert low < surge.difference < high
    # Both estimates are alike, so the noise they share cancels.
    assert high - low < surge.slope_interval[1] - surge.slope_interval[0]


def test_methods_are_what_they_say_and_leave_no_trace():
    net, loss = binary_net()
    shape = input_shape(net[1], loss)
    own = estimate(net[1], loss, shape)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modules = list(net.modules())
    found = gradients(net, '1', loss, shape)
    assert list(found) == [method.label for method in MEASURED] == LABELS
    ste, polynomial, full, surge, both = found.values()
    assert surge.equal(own) and not own.equal(ste) and not polynomial.equal(ste)
    assert not both.equal(own) and not both.equal(polynomial)
    assert full.norm() > own.norm() > 0
    assert list(net.modules()) == modules  # the very same
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert estimate(net[1], loss, shape).equal(own)


def test_a_lambda_of_zero_is_the_surrogate_alone():
    net, loss = binary_net()
    ste = of(net, loss, METHODS['ste'])
    for layer in (net[1], net[3]):
        layer.ags = ConstantScaler(0.0)
    assert estimate(net[1], loss, input_shape(net[1], loss)).equal(ste)


def test_gradients_of_methods_are_those_of_the_layers_the_methods_build():
    net, loss = binary_net()
    for name in ('ste', 'polynomial', 'surge', 'polynomial-surge'):
        want = of(net, loss, METHODS[name])
        built, its_loss = binary_net()
        options = METHODS[name].policy()['layer']
        swap(built, lambda _, m, o=options: m.twin(**o) if isinstance(m, BinaryConv2d) else None)
        assert estimate(built[1], its_loss, input_shape(built[1], its_loss)).equal(want), name


def test_the_trained_auxiliary_weight_is_used_and_kept():
    net, loss = binary_net(aux_factor=-1.0)
    trained, shape = net[1].aux_weight, input_shape(net[1], loss)
    values = trained.detach().clone()
    own = estimate(net[1], loss, shape)
    with trained_by(net, METHODS['surge']):
        assert net[1].aux_weight is trained
        assert estimate(net[1], loss, shape).equal(own)
    assert net[1].aux_weight is trained and trained.equal(values)
    assert not own.equal(of(*binary_net(aux_factor=1.0), METHODS['surge']))


def test_what_a_surrogate_has_learnt_is_kept_unless_it_is_replaced():
    net, loss = binary_net()
    learnt = net[1].activation = SignSTE(clip=0.25)  # as if by training
    with trained_by(net, METHODS['ste']):
        assert net[1].activation is learnt and not net[1].compensated
    with pytest.raises(KeyError), trained_by(net, METHODS['polynomial']):
        assert net[1].activation is not learnt
        raise KeyError
    assert net[1].activation is learnt and net[1].compensated  # also after an error


def test_running_norms_are_taken_of_the_batch():
    torch.manual_seed(0)
    layer = BinaryConv2d(3, 4, 3, surge=dict(mode='running'))
    layer.start()
    net, x = nn.Sequential(layer), torch.randn(2, 3, 8, 8)
    found = gradients(net, '0', lambda: net(x).sum(), x.shape)
    assert not found['STE'].equal(found['SURGE'])
    assert not layer.ags.pending.any() and not layer.ags.statistics.any()


def test_all_are_compared_at_one_layer():
    net, loss = binary_net()
    rows = compare(net, '3', loss, 0.3, 3, noise())
    assert list(rows) == LABELS and all(row.growth > 0 for row in rows.values())
