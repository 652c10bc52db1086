"""The list of methods: unambiguous words, options that layers take."""

import ast
import copy
import pickle

import pytest
import torch
from conftest import ROOT

from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.methods import METHODS, find_method, has_surge

BINARY = [method for method in METHODS.values() if method.layer is not None]


def name(method) -> str:
    return method.name


def test_no_word_means_two_methods():
    words = [
        word for method in METHODS.values() for word in {method.name, method.label, *method.aliases}
    ]
    assert len(words) == len(set(words))
    for key, method in METHODS.items():
        assert key == method.name and method.reference
        for word in (method.name, method.label, *method.aliases):
            assert find_method(word) is method


@pytest.mark.parametrize('method', BINARY, ids=name)
def test_layers_take_its_options_and_train(method):
    conv = BinaryConv2d(8, 8, 3, padding=1, **method.policy()['layer'])
    assert conv.compensated == method.has_surge
    conv(torch.randn(1, 8, 5, 5)).square().sum().backward()
    assert conv.weight.grad.abs().sum() > 0
    if conv.aux_weight is not None:
        assert conv.aux_weight.grad is not None


def test_methods_differ_in_their_options():
    options = [repr(method.layer) for method in METHODS.values()]
    assert len(options) == len(set(options))


def test_a_changed_policy_leaves_the_list_alone():
    policy = find_method('surge').policy()
    policy['layer']['surge']['eta'] = 9
    assert find_method('surge').layer['surge']['eta'] == 0.1
    with pytest.raises(TypeError):
        METHODS['mine'] = None
    assert BinaryLinear(2, 2, **find_method('ste').policy()['layer']).compensated is False


def test_nothing_of_the_list_can_be_changed():
    surge = METHODS['surge']
    for options in (surge.layer, surge.layer['surge'], METHODS['polynomial'].layer['activation']):
        with pytest.raises(TypeError, match='item assignment'):
            options['eta'] = 9
    assert surge.layer['surge']['eta'] == 0.1


@pytest.mark.parametrize('method', METHODS.values(), ids=name)
def test_a_method_can_be_a_key_and_travel(method):
    for other in (copy.deepcopy(method), pickle.loads(pickle.dumps(method))):
        assert other == method and hash(other) == hash(method)
        assert other.policy() == method.policy()
    assert len({*METHODS.values(), method}) == len(METHODS)
    assert type(method.policy()) in (dict, type(None))


def test_surge_is_on_unless_it_is_said_to_be_off():
    assert [has_surge(layer) for layer in (None, {}, dict(surge=None), dict(surge={}))] == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    'word, guess',
    [('STEE', 'ste'), ('polynomial+SURGE', 'polynomial-surge'), ('lowrnk', 'lowrank')],
)
def test_an_unknown_word_is_answered_with_the_nearest(word, guess):
    with pytest.raises(ValueError, match=f"method: unknown '.*Write '{guess}'."):
        find_method(word)


def test_the_list_depends_on_nothing_but_errors():
    tree = ast.parse((ROOT / 'surge_mmdet/methods.py').read_text())
    own = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert own == ['errors']
