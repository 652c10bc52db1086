"""Tables of the documents that are made from the code."""

import pytest
from conftest import ROOT

from surge_mmdet.analysis.code_tables import code_tables, methods_table, options_table, registered
from surge_mmdet.analysis.published import filled
from surge_mmdet.methods import METHODS
from surge_mmdet.registry import BINARIZERS
from surge_mmdet.surge import SurgeConfig


def test_methods_are_listed_as_one_writes_them():
    lines = methods_table().markdown().splitlines()
    assert len(lines) == 2 + len(METHODS)
    assert '| `ste` | STE | `dict(surge=None)` | clipped' in lines[3]
    assert "`dict(surge=dict(eta=0.1, branch='tied'))`" in '\n'.join(lines)


def test_every_option_has_a_row():
    lines = options_table().markdown().splitlines()[2:]
    options = SurgeConfig.options()
    assert len(lines) == len(options)
    for line, option in zip(lines, options, strict=True):
        assert line.startswith(f'| `{option.name}` | `{option.default!r}` | ')
        assert f' | {option.whose} | ' in line


def test_every_type_is_in_the_table_of_its_registry():
    tables = code_tables()
    entries = list(registered())
    assert {('MODELS', 'BinaryConv2d'), ('HOOKS', 'AGSHook'), ('BINARIZERS', 'SignSTE')} <= {
        entry[:2] for entry in entries
    }
    for entry in entries:
        assert (ROOT / entry.file).is_file()
        link = f'| [`{entry.key}`](../../{entry.file}) | '
        assert link in tables[f'registries/{entry.registry}'].markdown()


def test_what_others_register_is_not_in_the_tables():
    before = list(registered())
    BINARIZERS.register_module('mine', module=type('Mine', (), {'__module__': 'elsewhere'}))
    try:
        assert list(registered()) == before
    finally:
        del BINARIZERS.module_dict['mine']


def test_bars_do_not_end_a_cell():
    """`mean |W_o|` in the docstring of ChannelMean."""
    table = code_tables()['registries/BINARIZERS'].markdown()
    (line,) = (line for line in table.splitlines() if '[`ChannelMean`]' in line)
    assert line.replace(r'\|', '').count('|') == 3


@pytest.mark.parametrize('name', ['methods', 'surge-options', 'registries/BRANCHES'])
def test_a_document_asks_for_it_by_name(name):
    text = f'<!-- table: {name} -->\n<!-- end of table -->\n'
    page = filled(text, code_tables())
    assert code_tables()[name].markdown() in page
    assert filled(page, code_tables()) == page
