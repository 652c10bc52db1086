"""A resume under any other option of the method is refused, with its name."""

import pytest
import torch
from mmengine import ConfigDict
from toy_training import Net

from surge_mmdet.engine.checks.method_record import changes, method_of, methods_of
from surge_mmdet.engine.checks.resume import RECORD, method_differences
from surge_mmdet.layers import BinaryConv2d, BinaryLinear
from surge_mmdet.methods import METHODS

TIED = dict(eta=0.3, branch='tied')
POLYNOMIAL = dict(type='SignPolynomial')
CHANGES = {  # name: options then, options now, what is said
    'tied to plain': (dict(surge=TIED), dict(surge=None), 'surge was {'),
    'plain to tied': (dict(surge=None), dict(surge=TIED), 'surge was None'),
    'eta': (dict(surge=TIED), dict(surge=dict(TIED, eta=3)), 'surge.eta was 0.3 and is 3'),
    'mode': (
        dict(surge=dict(eta=0.3)),
        dict(surge=dict(eta=0.3, mode='running')),
        "surge.mode was 'batch' and is 'running'",
    ),
    'clip': (
        dict(surge=TIED),
        dict(surge=TIED, activation=dict(type='SignSTE', clip=0.1)),
        'activation.clip was 1.0 and is 0.1',
    ),
    'surrogate': (
        dict(surge=None),
        dict(surge=None, activation=POLYNOMIAL),
        "activation.type was 'SignSTE' and is 'SignPolynomial'",
    ),
    'weight rule': (
        dict(surge=None),
        dict(surge=None, weight_rule=dict(type='RealWeight')),
        "weight_rule.type was 'ChannelMean' and is 'RealWeight'",
    ),
}


def conv(**options):
    return torch.nn.Sequential(BinaryConv2d(4, 4, 3, padding=1, **options))


@pytest.mark.parametrize('kind', CHANGES)
def test_each_option_is_told_apart(kind):
    old, new, says = CHANGES[kind]
    found = changes(conv(**new), methods_of(conv(**old)))
    assert list(found.values()) == [['0']]
    assert next(iter(found)).startswith(says)


@pytest.mark.parametrize('first', METHODS.values(), ids=lambda method: method.name)
def test_every_two_named_methods_are(first):
    """Also by a resume: the sentence is never empty."""
    if first.layer is None:
        return
    saved = {'meta': {RECORD: dict(methods=methods_of(conv(**first.policy()['layer'])))}}
    for second in METHODS.values():
        if second.layer is not None:
            said = method_differences(conv(**second.policy()['layer']), saved)
            assert bool(said) == (second is not first)


def test_a_default_that_is_written_out_is_no_other_method():
    written = ConfigDict(
        activation=dict(type='SignSTE', clip=1.0),
        weight_rule=dict(type='ChannelMean'),
        surge=dict(eta=0.1, mode='batch', max_scale=10.0),
    )
    assert changes(conv(**written), methods_of(conv())) == {}
    kind = type(BinaryLinear(2, 2).activation)
    assert changes(conv(activation=dict(type=kind)), methods_of(conv())) == {}


def test_records_of_before_are_read():
    word = {'0': 'BinaryConv2d(SignSTE, ChannelMean)'}
    assert changes(conv(), word) == {}
    (said,) = changes(conv(activation=POLYNOMIAL), word)
    assert said.startswith('was BinaryConv2d(SignSTE') and 'is BinaryConv2d(SignPoly' in said
    lacking = methods_of(conv())  # an option that came later is at its default
    del lacking['0']['surge']['mode'], lacking['0']['activation']['clip']
    assert changes(conv(), lacking) == {}
    assert list(changes(conv(surge=dict(mode='running')), lacking)) == [
        "surge.mode was 'batch' and is 'running'"
    ]


def test_a_test_minds_the_forward_pass_alone():
    saved = methods_of(conv())
    assert changes(conv(surge=None), saved, forward_only=True) == {}
    real = conv(surge=None, weight_rule=dict(type='RealWeight'))
    assert next(iter(changes(real, saved, forward_only=True))).startswith('weight_rule.type')


def test_equal_changes_are_one_sentence():
    saved = {'meta': {RECORD: dict(methods=methods_of(Net()))}}
    (said,) = method_differences(Net(surge=dict(eta=3.0)), saved)
    assert said.startswith('3 layers have another method: in backbone.layer1.0, ')
    assert said.endswith('surge.eta was 0.3 and is 3.0')


def test_the_record_is_plain(tmp_path):
    record = method_of(BinaryConv2d(4, 4, 3, **ConfigDict(surge=dict(eta=0.3))))
    torch.save(record, tmp_path / 'record.pth')
    assert torch.load(tmp_path / 'record.pth', weights_only=True) == record
    assert record['surge']['mode'] == 'batch' and record['activation']['clip'] == 1.0
