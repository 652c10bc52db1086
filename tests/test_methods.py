"""The list of methods: unambiguous words, options that layers take."""

import ast

import pytest
import torch
from conftest import ROOT

from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.methods import METHODS, find_method

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
    assert find_method('surge').layer['surge']['eta'] == 0.3
    with pytest.raises(TypeError):
        METHODS['mine'] = None
    assert BinaryLinear(2, 2, **find_method('ste').policy()['layer']).compensated is False


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
