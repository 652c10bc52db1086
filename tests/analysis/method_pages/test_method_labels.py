"""What labels of tables are put together of, and the names that are more than their layers."""

import runpy

import pytest
from conftest import ROOT
from mmengine.config import Config
from test_method_pages import study

from surge_mmdet.analysis.method_pages import detector_methods, method_page
from surge_mmdet.analysis.method_pages.labels import parts, trains
from surge_mmdet.analysis.method_pages.networks import NETWORKS
from surge_mmdet.analysis.published import record_tables
from surge_mmdet.methods import METHODS


@pytest.mark.parametrize(
    'label, name, yes',
    [
        ('STE + PKD', 'ste', True),
        ('STE + inherit', 'ste', True),
        ('STE, 48 epochs', 'ste', True),
        ('EDE, 3e-3', 'ede', True),
        ('EDE, 0.003', 'ede', True),
        ('EDE, 48 epochs, 3e-3', 'ede', True),
        ('polynomial + SURGE, 3e-3', 'polynomial-surge', True),
        ('STE, autograd', 'ste', False),
        ('recipe', 'polynomial', True),
        ('polynomial + SURGE + PKD', 'polynomial-surge', True),
        ('polynomial + norm-preserving', 'polynomial', False),
        ('SURGE, W_a stays + PKD', 'surge', False),
        ('SURGE, branch=tied', 'tied', True),
        ('SURGE, branch=tied, dtype=bfloat16', 'tied', False),
        ('ReActNet + PKD + inherit', 'rsign', True),
        ('ReActNet + SURGE', 'rsign-surge', True),
        ('ReActNet + SURGE', 'rsign', False),
        ('PKD', 'ste', False),
    ],
)
def test_layers_of_a_label(label, name, yes):
    taught = tuple(method.label for method in detector_methods())
    assert trains(label, METHODS[name], taught) == yes


def test_the_page_of_a_label_is_one():
    """No label of a record is on the pages of two methods."""
    taught = tuple(method.label for method in detector_methods())
    rows = [row for table in record_tables(ROOT).values() for row in table.rows]
    for label in {str(row['method']) for row in rows if row.get('method')}:
        pages = [m.name for m in METHODS.values() if trains(label, m, taught)]
        assert len(pages) <= 1, (label, pages)


def test_reactnet_is_on_the_page_of_its_sign():
    tables = study(('FP32', [0.1]), ('ReActNet', [0.2]), ('ReActNet + SURGE', [0.1]), ('ReCU', [0]))
    text = method_page(METHODS['rsign'], tables, {'made_up/AdamW_seeds': '[y](z.md)'})
    assert '## ReActNet' in text and '[`RPReLU`][surge_mmdet.layers.rprelu.RPReLU]' in text
    assert "model = dict(backbone=dict(act_cfg=dict(type='RPReLU')))" in text
    assert '**ReActNet**' in text and '**ReActNet + SURGE**' in text and 'ReCU' not in text
    assert 'RPReLU' not in method_page(METHODS['ede'], {}, {})


def test_reactnet_means_what_the_study_means_by_it():
    plan = runpy.run_path(str(ROOT / 'tools/benchmark/plans/field_bccd.py'))
    ours = NETWORKS['rsign'].model
    assert plan['reactnet'] == {'model.backbone.act_cfg.type': ours['backbone']['act_cfg']['type']}


def test_the_recipe_is_linked_and_is_what_its_configs_have():
    text = method_page(METHODS['polynomial'], {}, {})
    assert '[the recipe](../../guides/distillation.md#the-recipe)' in text
    assert 'the recipe' not in method_page(METHODS['ede'], {}, {})
    activation, loss, start = parts('recipe')
    cfg = Config.fromfile(ROOT / 'configs/ssd/ssd300_vgg16_recipe_12e_bccd.py')
    kind = METHODS[activation].policy()['layer']['activation']
    assert cfg.model.backbone.policy.layer.activation == kind
    assert cfg.model.distillation[0].type == f'surge_mmdet.{loss}' and cfg.model.teacher[start]
