"""Pages of the methods that are losses beside a detector's own."""

from pathlib import Path

import pytest
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.analysis.method_pages import (
    detector_methods,
    detector_page,
    results_with,
    shipped_configs,
    snippets,
)
from surge_mmdet.analysis.method_pages.docstrings import arguments, prose
from surge_mmdet.analysis.published import record_tables
from surge_mmdet.analysis.tables import BOLD, Column, Table
from surge_mmdet.distill import losses
from surge_mmdet.losses import InformationBottleneck, SparseObjectPrior

METHODS = {method.name: method for method in detector_methods()}
LINES = snippets((ROOT / 'docs/guides/distillation.md').read_text())
EACH = pytest.mark.parametrize('method', METHODS.values(), ids=METHODS)


def page(method, tables=None, configs=()) -> str:
    tables = tables or {}
    return detector_page(method, tables, dict.fromkeys(tables, '[y](z.md)'), LINES, configs)


def labelled(*labels) -> dict:
    columns = [Column('AdamW', 'method'), Column('AP', 'AP')]
    return {'made_up/seeds': Table(columns, [dict(method=each, AP=0.5) for each in labels])}


def shown(method, *labels) -> dict:
    """Label to whether it is in bold, of what is left of a table."""
    (table,) = results_with(METHODS[method], labelled(*labels)).values()
    return {row['method']: bool(row[BOLD]) for row in table.rows}


def test_every_loss_is_on_one_page():
    kinds = [kind for method in METHODS.values() for kind in method.kinds]
    taught = {getattr(losses, name) for name in losses.__all__} - {losses.FeatureLoss, losses.Pair}
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == taught | {InformationBottleneck, SparseObjectPrior}
    assert {name for name, method in METHODS.items() if method.needs_teacher} == {
        kind.__name__.lower() for kind in taught
    }


@EACH
def test_a_page_has_formula_arguments_lines_and_an_end(method):
    text = page(method)
    for kind, word in zip(method.kinds, method.types, strict=True):
        assert f'[`{kind.__name__}`][{kind.__module__}.{kind.__qualname__}]' in text
        assert prose(kind) in text and f"dict(type='{word}'" in text
        assert arguments(kind).markdown() in text
    assert "_base_ = './" in text and '../../guides/distillation.md#' in text
    assert 'Nothing has been measured' in text and 'Ready ones' not in text
    assert ('towards a real-valued teacher' in text) == method.needs_teacher


@pytest.mark.parametrize('kind', [k for m in METHODS.values() for k in m.kinds])
def test_every_argument_is_explained(kind):
    from inspect import signature

    table = arguments(kind)
    names = [name.strip('` ') for row in table.rows for name in row['names'].split(',')]
    assert names == list(signature(kind).parameters)
    assert all(row['meaning'] and '``' not in row['meaning'] for row in table.rows)
    defaults = [text.strip('` ') for row in table.rows for text in row['default'].split(',')]
    assert defaults == [repr(p.default) for p in signature(kind).parameters.values()]


def test_a_method_without_lines_in_the_guide_is_refused():
    with pytest.raises(ValueError, match=r"CWD: docs/guides.*Write a block with dict\(type='surge"):
        detector_page(METHODS['cwd'], {}, {}, [x for x in LINES if 'CWD' not in x.code], [])


def test_results_are_the_labels_with_it_beside_the_same_without():
    found = shown(
        'pkd',
        *('FP32', 'STE', 'STE + PKD', 'tied', 'tied + PKD', 'polynomial', 'STE + inherit', 'EDE'),
        *('polynomial + PKD + inherit, 48 epochs', 'norm-preserving', 'STE + CWD'),
    )
    assert found == {
        'FP32': False,
        'STE': False,
        'STE + PKD': True,
        'tied': False,
        'tied + PKD': True,
        'polynomial': False,
        'polynomial + PKD + inherit, 48 epochs': True,
    }
    assert shown('pkd', 'STE + PKD + inherit', 'STE + inherit') == {
        'STE + PKD + inherit': True,
        'STE + inherit': False,
    }
    assert shown('pkd', 'recipe', 'SURGE') == {'recipe': True}
    assert results_with(METHODS['cwd'], labelled('STE', 'STE + PKD')) == {}


def test_records_of_the_repository_reach_their_pages():
    tables = record_tables(ROOT)
    pkd = results_with(METHODS['pkd'], tables)
    for record in ('field_bccd', 'recipe_bccd', 'surge_and_distillation'):
        assert f'{record}/AdamW_seeds' in pkd
    for method in METHODS.values():  # what each costs
        (row,) = (
            row
            for row in results_with(method, tables)['step_cost_distillation/configs'].rows
            if row[BOLD]
        )
        assert row['method'] == method.label


def test_pkd_leads_to_the_recipe():
    assert '[the recipe](../../guides/distillation.md#the-recipe)' in page(METHODS['pkd'])
    assert 'the recipe' not in page(METHODS['cwd'])


@pytest.fixture(scope='module')
def ready() -> dict:
    return shipped_configs(ROOT)


def test_shipped_configs_of_a_loss(ready):
    for word in METHODS['bidet'].types:
        assert all('_ste-bidet_' in path.stem for path in ready[word]) and len(ready[word]) == 6
    names = {path.stem for path in ready['surge_mmdet.PKD']}
    wanted = {p.stem for p in (ROOT / 'configs').glob('*/*.py') if '_ste-pkd_' in p.stem}
    assert wanted and wanted < names and 'faster-rcnn_r18_fpn_recipe_1x_coco' in names
    assert not any('_surge_' in name or '_fp32_' in name for name in names)


def test_ready_configs_are_named_by_folder():
    text = page(METHODS['pkd'], configs=[Path('configs/ssd/a.py'), Path('configs/ssd/b.py')])
    assert '- [configs/ssd](../configs/ssd.md)\n    - `a.py`\n    - `b.py`\n' in text


def test_a_child_that_takes_another_loss_is_no_config_of_the_first(tmp_path):
    folder = tmp_path / 'configs/any'
    folder.mkdir(parents=True)
    first = "model = dict(distillation=[dict(type='surge_mmdet.PKD')])\n"
    (folder / 'a.py').write_text(first)
    (folder / 'b.py').write_text("_base_ = './a.py'\nepochs = 3\n")
    (folder / 'c.py').write_text("_base_ = './b.py'\n" + first.replace('PKD', 'CWD'))
    found = {word: [path.name for path in each] for word, each in shipped_configs(tmp_path).items()}
    assert found == {'surge_mmdet.PKD': ['a.py', 'b.py'], 'surge_mmdet.CWD': ['c.py']}
    assert Config.fromfile(folder / 'c.py').model.distillation[0].type == 'surge_mmdet.CWD'
