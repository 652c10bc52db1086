from collections import OrderedDict

import pytest
import torch
from mmcv import cnn
from torch import nn

from surge_mmdet.convert import BinaryPolicy, Decision, binarize, build_policy
from surge_mmdet.layers import BinaryConv2d, BinaryLinear


@pytest.fixture
def module():
    """Four convolutions, a norm, and a linear layer that nobody touches."""

    def conv():
        return nn.Conv2d(4, 4, 3, padding=1)

    return nn.Sequential(
        OrderedDict(
            stem=conv(),
            layer1=nn.Sequential(conv(), nn.BatchNorm2d(4), conv()),
            layer2=nn.Sequential(conv()),
            head=nn.Linear(4, 2),
        )
    )


def kinds(module):
    return {
        name: type(layer) is BinaryConv2d
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d)
    }


@pytest.mark.parametrize(
    'name, decision',
    [
        ('a', Decision(True, 'binary by policy')),  # over real and default
        ('b', Decision(False, 'my reason')),  # over the default's reason
        ('c', Decision(False, 'default')),
        ('d', Decision(True, '')),
    ],
)
def test_precedence_is_binary_then_real_then_default(name, decision):
    policy = BinaryPolicy(binary=['a'], real={'a': 'no', 'b': 'my reason'})
    defaults = {'a': 'default', 'b': 'default', 'c': 'default'}
    assert policy.decide(name, defaults) == decision


def test_first_of_several_matching_patterns_gives_the_reason():
    policy = BinaryPolicy(real={'layer1.*': 'first', 'layer1.0': 'second'})
    assert policy.decide('layer1.0').reason == 'first'


@pytest.mark.parametrize(
    'pattern, binary',
    [
        ('layer1.*', {'stem', 'layer2.0'}),
        ('layer?.0', {'stem', 'layer1.2'}),
        ('layer[2-9].*', {'stem', 'layer1.0', 'layer1.2'}),
        ('*.0', {'stem', 'layer1.2'}),
        ('Stem', None),
    ],
)
def test_patterns_are_shell_patterns_with_case(module, pattern, binary):
    if binary is None:
        with pytest.raises(ValueError, match='matches no layer'):
            binarize(module, dict(real={pattern: 'why'}))
        return
    binarize(module, dict(real={pattern: 'why'}))
    assert {name for name, is_binary in kinds(module).items() if is_binary} == binary


def test_only_convolutions_are_swapped_without_linear(module):
    decisions = binarize(module, {})
    assert list(decisions) == ['stem', 'layer1.0', 'layer1.2', 'layer2.0', 'head']
    assert all(kinds(module).values())
    assert decisions['head'] == Decision(False, 'linear layer: policy has linear=None')
    assert type(module.head) is nn.Linear
    assert type(module.layer1[1]) is nn.BatchNorm2d
    assert module.policy_decisions == decisions


def test_linear_layers_are_swapped_with_their_own_options(module):
    weight, bias = module.head.weight, module.head.bias
    decisions = binarize(module, dict(layer=dict(surge=None), linear=dict(surge=dict(eta=0.7))))
    assert type(module.head) is BinaryLinear and decisions['head'].binary
    assert module.head.weight is weight and module.head.bias is bias
    assert module.head.ags.eta == 0.7 and not module.stem.compensated
    assert module.head(torch.randn(3, 4)).shape == (3, 2)


def test_rules_hold_for_linear_layers_too(module):
    module.extra = nn.Linear(4, 4)
    decisions = binarize(
        module, dict(linear=dict(), overrides={'extra': dict(surge=None)}), {'head': 'prediction'}
    )
    assert decisions['head'] == Decision(False, 'prediction')
    assert not module.extra.compensated


def test_default_reason_comes_before_the_missing_linear(module):
    decisions = binarize(module, {}, {'head': 'prediction'})
    assert decisions['head'].reason == 'prediction'


class OwnConv(nn.Conv2d):
    """Not a plain convolution: its forward may be anything."""


@pytest.mark.parametrize(
    'layer, reason',
    [
        (OwnConv(4, 4, 1), 'OwnConv is not a plain nn.Conv2d; use conv_cfg='),
        (nn.ConvTranspose2d(4, 4, 2), 'ConvTranspose2d is not a plain nn.Conv2d'),
        (nn.MultiheadAttention(4, 1).out_proj, 'is not a plain nn.Linear'),
    ],
)
def test_only_plain_layers_can_be_binary(layer, reason):
    module = nn.Sequential(nn.Conv2d(4, 4, 1), layer)
    decision = binarize(module, dict(linear=dict(), binary=['*']))['1']
    assert not decision.binary and reason in decision.reason
    assert module[1] is layer


def test_layers_of_mmcv_are_plain():
    module = nn.Sequential(cnn.Conv2d(4, 4, 1), cnn.Linear(4, 4))
    binarize(module, dict(linear=dict()))
    assert [type(m) for m in module] == [BinaryConv2d, BinaryLinear]


def test_binary_layers_are_left_alone(module):
    binarize(module, dict(real={'layer1.*': 'later'}))
    first = module.stem
    decisions = binarize(module, {})
    assert list(decisions) == ['layer1.0', 'layer1.2', 'head']
    assert module.stem is first and all(kinds(module).values())


def test_shared_layer_is_replaced_everywhere_by_one_layer():
    conv = nn.Conv2d(4, 4, 1)
    module = nn.ModuleDict(
        dict(
            p3=nn.Sequential(conv, nn.BatchNorm2d(4)),
            p4=nn.Sequential(conv, nn.BatchNorm2d(4)),
            last=conv,
        )
    )
    decisions = binarize(module, {})
    assert list(decisions) == ['p3.0']
    assert type(module.last) is BinaryConv2d
    assert module.p3[0] is module.p4[0] is module.last
    assert module.last.weight is conv.weight
    assert len(list(module.parameters())) == 3 + 2 * 2


def test_parameters_are_shared_and_names_stay(module):
    before = dict(module.named_parameters())
    binarize(module, dict(layer=dict(surge=None)))
    after = dict(module.named_parameters())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def test_geometry_and_mode_of_the_convolution_stay():
    module = nn.Sequential(nn.Conv2d(4, 8, (3, 5), 2, (1, 2), 1, 2, False))
    binarize(module.eval(), {})
    conv = module[0]
    assert conv.stride == (2, 2) and conv.groups == 2 and conv.bias is None
    assert conv(torch.randn(1, 4, 9, 9)).shape == (1, 8, 5, 5)
    assert not conv.training


@pytest.mark.parametrize(
    'key, value',
    [
        ('real', {'layer9.*': 'why'}),
        ('binary', ['layer9.*']),
        ('overrides', {'layer9.*': dict(surge=None)}),
    ],
)
def test_pattern_without_a_layer_is_refused_with_the_names(module, key, value):
    with pytest.raises(ValueError) as error:
        binarize(module, {key: value})
    text = str(error.value)
    assert f"{key} pattern 'layer9.*' matches no layer" in text
    assert 'stem, layer1.0, layer1.2, layer2.0' in text
    assert not any(kinds(module).values())  # nothing is half done


def test_overrides_change_the_options_of_some_layers(module):
    binarize(
        module,
        dict(
            layer=dict(surge=dict(eta=0.5)),
            overrides={
                'layer1.*': dict(surge=None),
                'layer2.0': dict(activation=dict(type='SignPolynomial')),
            },
        ),
    )
    assert module.stem.ags.eta == module.layer2[0].ags.eta == 0.5
    assert not module.layer1[0].compensated
    assert type(module.layer2[0].activation).__name__ == 'SignPolynomial'
    assert type(module.stem.activation).__name__ == 'SignSTE'


@pytest.mark.parametrize(
    'pattern, nearest', [('layer9.2', 'layer1.2'), ('*.stam', 'stem'), ('haed*', 'head')]
)
def test_nearest_name_is_shown(module, pattern, nearest):
    with pytest.raises(ValueError, match=f"such as '{nearest}'"):
        binarize(module, dict(binary=[pattern]))


def test_long_list_of_names_is_cut():
    module = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(15)))
    with pytest.raises(ValueError, match=r'9, 10, 11 and 3 more\.'):
        binarize(module, dict(binary=['x']))


def test_module_without_layers_is_refused():
    with pytest.raises(ValueError, match='has none. Write policy=None'):
        binarize(nn.Sequential(nn.ReLU()), dict(real={'x': 'why'}))


def test_binary_pattern_without_effect_is_refused(module):
    with pytest.raises(ValueError, match=r'linear=dict\(\)') as error:
        binarize(module, dict(binary=['head']))
    assert "no effect on 'head'" in str(error.value)
    binarize(module, dict(binary=['head'], linear=dict()))  # the advice
    assert type(module.head) is BinaryLinear


def test_override_may_meet_real_layers_beside_binary_ones(module):
    binarize(module, dict(overrides={'*': dict(surge=None)}), {'stem': 'reads the image'})
    assert not module.layer1[0].compensated


def test_override_of_a_real_layer_is_refused(module):
    with pytest.raises(ValueError) as error:
        binarize(module, dict(overrides={'st*': dict(surge=None)}), {'stem': 'reads the image'})
    assert "'stem', which stays real (reads the image)" in str(error.value)
    assert "policy=dict(binary=['stem'])" in str(error.value)
    # The advice works.
    binarize(
        module,
        dict(overrides={'st*': dict(surge=None)}, binary=['stem']),
        {'stem': 'reads the image'},
    )
    assert not module.stem.compensated


def test_nothing_binary_is_refused(module):
    with pytest.raises(ValueError, match='Write policy=None'):
        binarize(module, dict(real={'*': 'all real'}))


def test_none_keeps_everything_real(module):
    decisions = binarize(module, None)
    assert not any(kinds(module).values())
    assert set(decisions.values()) == {Decision(False, 'policy=None')}


def test_unknown_policy_is_refused_with_the_line():
    with pytest.raises(ValueError, match=r'type=\'BinaryPolicy\''):
        build_policy(dict(type='BinryPolicy'))


def test_unknown_layer_is_refused(module):
    with pytest.raises((ValueError, KeyError), match='BinryConv2d'):
        binarize(module, dict(layer=dict(type='surge_mmdet.BinryConv2d')))


def test_policy_object_and_policy_class_are_accepted(module):
    policy = BinaryPolicy(layer=dict(surge=None))
    assert build_policy(policy) is policy
    assert isinstance(build_policy(dict(type=BinaryPolicy)), BinaryPolicy)


def test_policy_can_be_used_twice(module):
    policy = BinaryPolicy(overrides={'stem': dict(surge=None)})
    for _ in range(2):
        conv = nn.Sequential(OrderedDict(stem=nn.Conv2d(2, 2, 1)))
        binarize(conv, policy)
        assert type(conv.stem) is BinaryConv2d and not conv.stem.compensated


def test_own_subclass_of_the_policy_decides(module):

    class Wide(BinaryPolicy):
        def decide(self, name, defaults=None):
            return Decision(name.endswith('2'), 'even layers only')

    binarize(module, dict(type=Wide))
    assert [n for n, is_binary in kinds(module).items() if is_binary] == ['layer1.2']


@pytest.mark.parametrize('cfg, error', [('none', TypeError), (dict(reals={}), ValueError)])
def test_malformed_policy_shows_the_corrected_line(cfg, error):
    with pytest.raises(error, match=r'Write policy=dict\('):
        binarize(nn.Sequential(nn.Conv2d(2, 2, 1)), cfg)


@pytest.mark.parametrize(
    'rules, error, line',
    [
        (dict(real=['0']), TypeError, r"real=\{'layer4"),
        (dict(overrides=['0']), TypeError, r"overrides=\{'layer4"),
        (dict(overrides={'0': None}), TypeError, r"overrides=\{'0': dict\(surge=None\)\}"),
        (dict(real={'0': None}), TypeError, r"real=\{'0': 'small maps'\}"),
        (dict(binary='*x*'), TypeError, r"binary=\['\*x\*'\]"),
        (dict(layer=dict(eta=0.5)), TypeError, r'surge=dict\(eta=0.1\)'),
        (dict(layer='BinaryConv2d'), TypeError, r'layer=dict\(surge='),
        (dict(linear=True), TypeError, r'linear=dict\(surge='),
        (
            dict(layer=dict(type='surge_mmdet.BinaryLinear')),
            TypeError,
            'cannot be built as surge_mmdet.BinaryLinear',
        ),
    ],
)
def test_rules_of_the_wrong_form_show_the_corrected_line(rules, error, line):
    with pytest.raises(error, match=line):
        binarize(nn.Sequential(nn.Conv2d(2, 2, 1)), rules)


@pytest.mark.parametrize(
    'layer, line',
    [
        (nn.Conv2d(2, 2, 1), r'BinaryConv2d.from_float\(conv\)'),
        (nn.Linear(2, 2), r'BinaryLinear.from_float\(linear\)'),
    ],
)
def test_a_layer_itself_cannot_be_replaced_in_place(layer, line):
    with pytest.raises(ValueError, match=line):
        binarize(layer, dict(linear=dict()))
    assert not hasattr(layer, 'policy_decisions')


@pytest.mark.parametrize(
    'own, binary', [(None, set()), (dict(real={'0': 'my reason'}), {'layer1.2'})]
)
def test_part_with_its_own_policy_keeps_it(module, own, binary):
    binarize(module.layer1, own)
    before = module.layer1.policy_decisions
    decisions = binarize(module, dict(linear=dict()))
    assert list(decisions) == ['stem', 'layer2.0', 'head']
    assert module.layer1.policy_decisions is before
    assert {name for name, is_binary in kinds(module).items() if is_binary} == {
        'stem',
        'layer2.0',
    } | binary
