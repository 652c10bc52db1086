"""Pages of the named methods: what their layers, docstrings and records say."""

import re

import pytest
from conftest import ROOT

from surge_mmdet.analysis.method_pages import (
    choice_table,
    facts,
    method_page,
    paged_methods,
    results_of,
    with_surge,
)
from surge_mmdet.analysis.method_pages.choice import OF_FEW
from surge_mmdet.analysis.method_pages.docstrings import prose
from surge_mmdet.analysis.published import record_tables, shown_in
from surge_mmdet.analysis.tables import BOLD, Column, Table
from surge_mmdet.binarizers import ACTIVATIONS, WEIGHT_RULES, SignEDE
from surge_mmdet.methods import METHODS

BINARY = [method for method in paged_methods() if method.layer is not None]


def study(*rows, base='STE') -> dict:
    """A record's table as studies write it, made up."""
    difference = Column(f'AP - {base}, paired', 'AP difference')
    columns = [Column('AdamW', 'method'), Column('lr', 'lr'), difference]
    found = [dict(method=method, **{'AP difference': value}) for method, value in rows]
    return {'made_up/AdamW_seeds': Table(columns, found)}


def test_every_method_is_on_exactly_one_page():
    paged = paged_methods()
    on_pages = [m.name for m in paged] + [with_surge(m).name for m in paged if with_surge(m)]
    assert sorted(on_pages) == sorted(METHODS)


@pytest.mark.parametrize('method', BINARY, ids=lambda m: m.name)
def test_a_page_has_formulas_config_and_a_figure(method):
    text = method_page(method, {}, {}, formulas=lambda text: f'FORMULAS {text}')
    known = facts(method)
    for part in (known.activation, known.weight_rule):
        kind = type(part)
        assert f'[`{kind.__name__}`][{kind.__module__}.{kind.__qualname__}]' in text
        assert prose(kind) in text
    assert 'policy = dict(layer=dict(' in text and text.count('<svg ') == 1
    assert ('# the same with SURGE on top' in text) == (with_surge(method) is not None)
    assert 'Nothing has been measured' in text and 'Packs: ' in text
    fence = text.split('```python')[1].split('```')[0]
    found = {}
    exec(re.split('#', fence)[0], found)
    assert found['policy'] == method.policy()


def test_real_layers_have_a_page_too():
    text = method_page(METHODS['fp32'], {}, {})
    assert '`policy=None`' in text and '## Results' in text and '<svg' not in text


def test_what_a_layer_learns_and_whether_it_packs():
    assert facts(METHODS['fp32']) is None
    assert facts(METHODS['ste']).learned == () and facts(METHODS['ste']).kept is None
    assert facts(METHODS['rsign']).learned == ('threshold',)
    assert facts(METHODS['ir-net']).scheduled == ('SignEDE', 'Libra')
    assert 'AdaBin' in facts(METHODS['adabin-activation']).kept
    two_bits = facts(METHODS['tbn'])
    assert two_bits.bits == 2 and '2 bits' in two_bits.kept


@pytest.mark.parametrize('kind', [*ACTIVATIONS, *WEIGHT_RULES], ids=lambda k: k.__name__)
def test_prose_is_what_stands_above_the_sections(kind):
    text = prose(kind)
    assert text and not re.search(r'^(Args|Examples|Raises):', text, re.M)
    assert '``' not in text and ':class:' not in text


def test_the_formula_of_a_docstring_is_kept_for_the_page():
    assert '.. math::' in prose(SignEDE) and r'\tanh^2' in prose(SignEDE)


def test_results_are_the_rows_of_a_method_beside_its_twins():
    tables = study(
        ('FP32', [0.1]),
        ('STE', None),
        ('EDE', [0.2]),
        ('EDE + SURGE', [0.3]),
        ('SURGE (eta 0.3)', [0.4]),
        ('SURGE, literal', [0.5]),
    )
    ede = METHODS['ede']
    (table,) = results_of([ede, with_surge(ede)], tables).values()
    assert [row['method'] for row in table.rows] == ['FP32', 'STE', 'EDE', 'EDE + SURGE']
    assert [bool(row[BOLD]) for row in table.rows] == [False, False, True, True]
    assert [column.title for column in table.columns] == [
        'method',
        'AP - STE, paired',
    ]  # lr is empty
    (table,) = results_of([METHODS['surge']], tables).values()
    assert [row['method'] for row in table.rows] == ['FP32', 'STE', 'SURGE (eta 0.3)']
    assert results_of([METHODS['recu']], tables) == {}


def test_the_records_of_the_repository_are_found():
    links = {name: f'[x]({shown.page.name})' for name, shown in shown_in(ROOT).items()}
    text = method_page(METHODS['surge'], record_tables(ROOT), links)
    assert '[x](does_surge_help.md)' in text and '**SURGE (eta 0.3)**' in text


def test_methods_may_stand_in_any_column():
    columns = [Column('regime', 'regime'), Column('way', 'method'), Column('%', 'accuracy')]
    rows = [
        dict(regime=regime, method=method, accuracy=90)
        for regime in ('SGD', 'deep')
        for method in ('STE', 'EDE', 'ReCU')
    ]
    (table,) = results_of([METHODS['ede']], {'made_up/regimes': Table(columns, rows)}).values()
    assert [(row['regime'], row['method']) for row in table.rows] == [
        (regime, method) for regime in ('SGD', 'deep') for method in ('STE', 'EDE')
    ]
    assert [column.title for column in table.columns] == ['regime', 'method', '%']
    assert results_of([METHODS['ede']], {'made_up/x': Table(columns[:1], rows)}) == {}


@pytest.mark.parametrize(
    'name, record', [('norm-preserving', 'regimes'), ('polynomial', 'gradient_fidelity')]
)
def test_regimes_and_fidelity_are_found(name, record):
    found = results_of([METHODS[name]], record_tables(ROOT))
    assert any(table.startswith(f'{record}/') for table in found)


def test_a_table_says_where_it_is_from_and_what_its_cells_are():
    columns = [Column('AdamW: AP / AP50', 'method'), Column('lr 0.01', 'lr')]
    table = Table(columns, [dict(method='EDE', lr='0.4 / 0.5')])
    text = method_page(METHODS['ede'], {'a/b': table}, {'a/b': '[y](z.md)'})
    assert 'From [y](z.md), AdamW: AP / AP50:\n\n| method | lr 0.01 |' in text


def test_tables_that_no_page_shows_are_left_out():
    tables = study(('EDE', [0.2]))
    assert 'Nothing has been measured' in method_page(METHODS['ede'], tables, {})
    shown = method_page(METHODS['ede'], tables, {'made_up/AdamW_seeds': '[y](z.md)'})
    assert 'From [y](z.md), AdamW:' in shown and '**EDE**' in shown


def test_methods_side_by_side():
    tables = study(('FP32', [0.12, 0.08]), ('EDE', [0.01, 0.03]), ('EDE + SURGE', [-0.02, 0.03]))
    table = choice_table(tables)
    assert len(table.rows) == len(paged_methods())
    lines = {line.split('`')[1]: line for line in table.markdown().splitlines()[2:]}
    assert lines['ede'].endswith('| yes | yes | +0.010 ± 0.030 | -0.020 ± 0.030 |')
    assert lines['fp32'].endswith('| real layers | +0.120 ± 0.080 | - |')
    assert 'AP - STE, made_up/AdamW' in table.markdown()
    assert 'with SURGE' not in choice_table(study(('EDE', [0.1, 0.2]))).markdown()
    assert 'AP - STE' not in choice_table({}).markdown()


def test_a_study_that_compares_gives_its_verdicts():
    """And not the intervals of pairs by themselves, which may say something else."""
    tables = study(('EDE', [0.03, 0.04]), ('EDE + SURGE', [-0.02, 0.03]))
    rows = [
        dict(method='EDE + SURGE', base='EDE', alone=[-0.05, -0.07, -0.03], differs='below'),
        dict(method='EDE', base='STE', alone=[0.03, 0.01, 0.05], differs='above'),
        dict(method='EDE, 3e-3', base='STE', alone=[0.04, 0.0, 0.08], differs='not resolved'),
        dict(method='ReCU', base='STE', alone=None, differs='too few seeds'),  # not trained yet
    ]
    tables['made_up/AdamW_comparisons'] = Table([Column('method', 'method')], rows)
    lines = choice_table(tables).markdown().splitlines()
    assert not [line for line in lines if 'with SURGE' in line]  # not compared with STE
    (line,) = [line for line in lines if '`ede`' in line]
    assert line.endswith('| yes | yes | +0.030, above; with 3e-3 +0.040, not resolved |')
    assert [line.endswith('| yes | - |') for line in lines if '`recu`' in line] == [True]


def test_a_study_with_another_baseline_has_no_column():
    tables = study(('EDE', [0.1, 0.2]), base='STE + PKD')
    assert 'made_up' not in choice_table(tables).markdown()


def test_a_study_of_few_methods_has_no_column():
    (table,) = study(('EDE', [0.1, 0.2])).values()
    assert 'AP - STE' not in choice_table({f'{OF_FEW[0]}_seeds': table}).markdown()


def test_a_study_of_one_seed_has_no_column():
    assert 'made_up' not in choice_table(study(('EDE', [0.1]))).markdown()
