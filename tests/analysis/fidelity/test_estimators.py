"""Estimators: what they compute, and that they leave the model as it was."""

import pytest
import torch
from analysis.fidelity.small_net import binary_net, noise
from torch import nn

from surge_mmdet.analysis.fidelity import ESTIMATORS, Estimator, estimate, input_shape, measure
from surge_mmdet.convert import swap
from surge_mmdet.layers import BinaryConv2d
from surge_mmdet.methods import METHODS


def slopes(aux_factor):
    net, loss = binary_net(aux_factor)
    shape = input_shape(net[1], loss)
    found = {}
    for each in (ESTIMATORS['STE'], Estimator('SURGE', eta=1.0)):
        with each.used_by(net):
            found[each.label] = estimate(net[1], loss, shape)
    return measure(net[1], loss, found, 0.3, 300, noise())


def test_it_can_come_out_against_surge():
    rows = slopes(aux_factor=-1.0)
    assert rows['SURGE'].difference_interval[1] < 0


def test_differences_to_the_first_are_paired():
    rows = slopes(aux_factor=1.0)
    ste, surge = rows['STE'], rows['SURGE']
    assert ste.difference == 0 and ste.difference_interval == (0, 0)
    assert surge.difference == pytest.approx(surge.slope - ste.slope)
    low, high = surge.difference_interval
    assert low < surge.difference < high
    # Both estimates are alike, so the noise they share cancels.
    assert high - low < surge.slope_interval[1] - surge.slope_interval[0]


def test_estimators_are_what_they_say_and_leave_no_trace():
    net, loss = binary_net()
    shape = input_shape(net[1], loss)

    def found(each) -> torch.Tensor:
        with each.used_by(net):
            return estimate(net[1], loss, shape)

    own = estimate(net[1], loss, shape)
    scalers = [net[1].ags, net[3].ags]
    ste, polynomial = found(ESTIMATORS['STE']), found(ESTIMATORS['polynomial'])
    none, full = found(Estimator('', constant=0.0)), found(ESTIMATORS['DPGC, lambda 1'])
    assert none.equal(ste) and not polynomial.equal(ste)
    assert found(ESTIMATORS['SURGE']).equal(own) and not own.equal(ste)
    both = found(ESTIMATORS['polynomial + SURGE'])
    assert not both.equal(own) and not both.equal(polynomial)
    assert full.norm() > own.norm() > 0
    assert estimate(net[1], loss, shape).equal(own)
    assert [net[1].ags, net[3].ags] == scalers and net[1].ags.eta == 0.3


def test_estimators_of_methods_are_those_of_the_layers_the_methods_build():
    net, loss = binary_net()
    shape = input_shape(net[1], loss)
    for name in ('ste', 'polynomial', 'surge', 'polynomial-surge'):
        with Estimator.of(METHODS[name]).used_by(net):
            want = estimate(net[1], loss, shape)
        built, its_loss = binary_net()
        options = METHODS[name].policy()['layer']
        swap(built, lambda _, m, o=options: m.twin(**o) if isinstance(m, BinaryConv2d) else None)
        assert estimate(built[1], its_loss, shape).equal(want), name


def test_a_surrogate_of_the_layers_own_is_left_alone():
    net, loss = binary_net()
    own = net[1].activation
    with Estimator('', eta=0.0).used_by(net):
        assert net[1].activation is own
    with pytest.raises(KeyError), Estimator.of(METHODS['polynomial']).used_by(net):
        raise KeyError
    assert net[1].activation is own  # also after an error


def test_running_norms_are_taken_of_the_batch():
    torch.manual_seed(0)
    layer = BinaryConv2d(3, 4, 3, surge=dict(mode='running'))
    net, x = nn.Sequential(layer), torch.randn(2, 3, 8, 8)
    found = {}
    for label in ('STE', 'SURGE'):
        with ESTIMATORS[label].used_by(net):
            found[label] = estimate(layer, lambda: net(x).sum(), x.shape)
    assert not found['STE'].equal(found['SURGE'])
    assert layer.ags.active and not layer.ags.pending.any()
