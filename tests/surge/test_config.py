"""Every option once: its default, its range, what a slip is answered with."""

import dataclasses

import pytest

from surge_mmdet.registry import BRANCHES, COMBINATIONS, SCALERS
from surge_mmdet.surge import SurgeConfig

INF, NAN = float('inf'), float('nan')
DEFAULTS = dict(
    eta=0.1,
    max_scale=10.0,
    init='copy',
    aux_grad='scaled',
    mode='batch',
    momentum=0.9,
    combine='sum',
    branch='full',
    dtype=None,
)


def refused(error, line, **surge):
    with pytest.raises(error, match=line):
        SurgeConfig.parse(surge)


def test_defaults_are_those_of_the_papers_method():
    assert dataclasses.asdict(SurgeConfig.parse({})) == DEFAULTS
    ours = {o.name for o in SurgeConfig.options() if o.whose == 'ours'}
    assert ours == {'mode', 'momentum', 'combine', 'branch', 'dtype'}


def test_the_table_of_options_has_every_field_with_its_choices():
    rows = {option.name: option for option in SurgeConfig.options()}
    assert {name: row.default for name, row in rows.items()} == DEFAULTS
    assert rows['branch'].values == 'full, tied, pointwise, depthwise, lowrank'
    assert rows['mode'].values == 'batch, running'
    assert all(row.meaning and row.values for row in rows.values())


@pytest.mark.parametrize(
    'option, registry', [('branch', BRANCHES), ('mode', SCALERS), ('combine', COMBINATIONS)]
)
def test_a_registered_choice_brings_its_own_meaning(option, registry):
    def meaning() -> str:
        return {row.name: row.meaning for row in SurgeConfig.options()}[option]

    class Mine:
        """Half of ``W_b``,
        and no more.

        The rest is not shown.
        """

    before = meaning()
    for name, entry in registry.module_dict.items():
        assert f'; {name}: {entry.__doc__.split()[0].replace("``", "`")}' in before
    registry.register_module('mine', module=Mine)
    try:
        assert meaning() == f'{before}; mine: Half of `W_b`, and no more'
    finally:
        del registry.module_dict['mine']
    assert meaning() == before


def test_a_config_is_frozen_and_hashable():
    config = SurgeConfig(eta=0.1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.eta = 1.0
    assert config == SurgeConfig(eta=0.1) and hash(config) == hash(SurgeConfig(eta=0.1))


@pytest.mark.parametrize('surge', [0.3, True, 'SURGE', ['eta', 0.3]])
def test_surge_that_is_no_dict_is_refused_with_the_line(surge):
    with pytest.raises(TypeError, match=r'surge=dict\(eta=0.1\), or surge=None'):
        SurgeConfig.parse(surge)


@pytest.mark.parametrize('eta', [-0.1, NAN, INF, -INF, None, 1j])
def test_an_impossible_eta_is_refused_with_the_line(eta):
    refused(ValueError, r'surge=dict\(eta=0.1\)', eta=eta)


@pytest.mark.parametrize('given, right', [('0.3', 0.3), ('-1', 0.1), ('inf', 0.1), ('a', 0.1)])
def test_an_eta_that_is_text_is_shown_as_its_number(given, right):
    refused(ValueError, rf'surge=dict\(eta={right}\)', eta=given)


@pytest.mark.parametrize('max_scale', [0, -1.0, NAN, '10', None])
def test_an_impossible_cap_is_refused_with_the_line(max_scale):
    refused(ValueError, r'surge=dict\(max_scale=10.0\)', max_scale=max_scale)


@pytest.mark.parametrize('momentum', [1.0, -0.1, NAN, '0.9'])
def test_an_impossible_momentum_is_refused_with_the_line(momentum):
    refused(ValueError, r'surge=dict\(momentum=0.9\)', mode='running', momentum=momentum)


@pytest.mark.parametrize(
    'option, line',
    [
        (dict(init='ones'), r"surge=dict\(init='copy'\)"),
        (dict(init=None), r"surge=dict\(init='copy'\)"),
        (dict(init=['copy']), r"surge=dict\(init='copy'\)"),
        (dict(aux_grad=True), r"surge=dict\(aux_grad='scaled'\)"),
        (dict(mode='epoch'), r"surge=dict\(mode='batch'\)"),
        (dict(combine='max'), r"surge=dict\(combine='sum'\)"),
        (dict(branch='half'), r"surge=dict\(branch='full'\)"),
        (dict(branch='teid'), r"surge=dict\(branch='tied'\)"),
        (dict(dtype='int8'), r'surge=dict\(dtype=None\)'),
        (dict(dtype='bfloat'), r"surge=dict\(dtype='bfloat16'\)"),
        (dict(brnch='tied'), r"surge=dict\(branch='tied'\)"),
        (dict(eta_=0.3), r'known are eta, max_scale, init.*surge=dict\(eta=0.3\)'),
        (dict(branch='tied', init='copy'), r"surge=dict\(branch='tied'\)"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(option, line):
    refused(ValueError, line, **option)


@pytest.mark.parametrize('more', [dict(), dict(aux_grad='scaled')])
def test_zeros_that_could_never_start_are_refused_with_the_line(more):
    refused(ValueError, r"dict\(init='zeros', aux_grad='unscaled'\)", init='zeros', **more)


@pytest.mark.parametrize(
    'gone, line',
    [
        (dict(combine='blind'), r'removed after 0.2.*surge=dict\(combine='),
        (dict(combine='orthogonal'), r'removed after 0.2.*surge=dict\(combine='),
        (dict(per_channel=True), 'removed after 0.2.*Remove per_channel'),
    ],
)
def test_what_is_gone_is_named(gone, line):
    refused(ValueError, line, **gone)


def test_the_old_default_of_what_is_gone_still_works():
    assert SurgeConfig.parse(dict(eta=0.1, per_channel=False)) == SurgeConfig(eta=0.1)
