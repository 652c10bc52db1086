"""The documents' tables are those of the records."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from surge_mmdet.analysis.published import (
    RECORDS,
    filled,
    known_tables,
    pages,
    places,
    write_pages,
)
from surge_mmdet.analysis.study import load_plans
from surge_mmdet.analysis.tables import Column, Table, write_record
from surge_mmdet.distill import losses
from surge_mmdet.methods import METHODS

TOOL = str(ROOT / 'tools/analysis_tools/write_tables.py')
PAGE = '# Page\n\n<!-- results: bccd/AP -->\n\nold\n\n<!-- end of results -->\n\nEnd.\n'
PLACE = Path('docs', 'any', 'where.md')
# A row of a table, two numbers; its head, with the rule below, may name versions.
ON_TOP = re.compile(
    r'SURGE on top(?: at one rate)?, mean of \d+ methods'
)  # of a comparison's report
MEASURED = re.compile(r'^(?!.*\n\|[-:| ]+\|$)\|.*?(?:\| \**[-+]?\d+\.\d[^|\n]*){2}', re.M)


def small(ap: float) -> Table:
    return Table([Column('', 'method'), Column('AP', 'AP', '{:.2f}')], [dict(method='STE', AP=ap)])


@pytest.fixture
def root(tmp_path):
    """A repository with one record and one document."""
    write_record(dict(AP=small(0.5)), tmp_path / RECORDS / 'bccd.json')
    (tmp_path / PLACE).parent.mkdir()
    (tmp_path / PLACE).write_text(PAGE)
    return tmp_path


def test_every_document_is_up_to_date():
    stale = write_pages(ROOT, check=True)
    assert not stale, f'run {TOOL}'


def test_every_record_is_shown_and_says_where_it_comes_from():
    shown = {name for page in pages(ROOT) for name, *_ in places(page.read_text())}
    assert shown == set(known_tables(ROOT))
    for record in (ROOT / RECORDS).glob('*.json'):
        about = json.loads(record.read_text())
        assert about['command'] and about['date'] and about['machine'] and about['versions']


@pytest.mark.parametrize(
    'page', [p for p in pages(ROOT) if 'docs' in p.parts], ids=lambda p: p.name
)
def test_no_measured_table_is_typed_by_hand(page):
    text = page.read_text()
    generated = [range(start, end) for _, start, end in places(text)]
    typed = [m[0] for m in MEASURED.finditer(text) if not any(m.start() in g for g in generated)]
    assert not typed, f'put them into a record of {RECORDS}'


def test_only_rows_below_the_head_are_measured():
    table = '| | 3.10 | 3.11 |\n|---|---|---|\n| step | 1.25 s | **2.5** s |\n'
    assert [m[0] for m in MEASURED.finditer(table)] == ['| step | 1.25 s | **2.5** s ']
    assert not MEASURED.search(table.partition('| step')[0])


def test_labels_of_published_tables_are_those_of_the_methods():
    known = {method.label for method in METHODS.values()}
    known |= {'SURGE, literal', 'STE, autograd', 'DPGC, lambda 1', 'BiDet', *losses.__all__}
    plans = (ROOT / 'tools/benchmark/plans').glob('*.py')
    known |= {
        name for path in plans for plan in load_plans(str(path), ROOT) for name in plan.methods
    }
    for name, table in known_tables(ROOT).items():
        for row in table.rows:
            label = row.get('method')
            if label and not ON_TOP.match(label):
                word = re.sub(r', \w+=.*| \(.*\)', '', label)
                assert {label, word} & known, f'{name}: {label}'


def test_a_table_follows_its_record(root):
    (page,) = write_pages(root)
    text = page.read_text()
    assert text == PAGE.replace('old', '| | AP |\n|---|---|\n| STE | 0.50 |')
    assert write_pages(root) == write_pages(root, check=True) == []
    write_record(dict(AP=small(0.75)), root / RECORDS / 'bccd.json')
    assert write_pages(root, check=True) == [page]
    assert page.read_text() == text
    write_pages(root)
    assert '| STE | 0.75 |' in page.read_text()


@pytest.mark.parametrize(
    'text, error',
    [
        (PAGE.replace('bccd/AP', 'bccd/Ap'), "results: unknown 'bccd/Ap'.*bccd/AP -->"),
        (PAGE.replace('<!-- end of results -->', ''), 'results: bccd/AP --> has no partner'),
        (PAGE.replace('<!-- results: bccd/AP -->', ''), 'end of results --> has no partner'),
        (PAGE.replace('old', '<!-- results: bccd/AP -->'), 'results: bccd/AP --> has no partner'),
        (PAGE + '<!-- table: methodes -->\n<!-- end of table -->\n', "results: unknown 'methodes'"),
        (PAGE + '<!-- table: methods -->\n', 'table: methods --> has no partner'),
        (PAGE + '<!-- end of results -->\n', 'end of results --> has no partner'),
    ],
)
def test_a_slip_in_a_document_is_named(root, text, error):
    with pytest.raises(ValueError, match=error):
        filled(text, known_tables(root))


def test_the_command_checks_and_writes(root, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', [TOOL, '--root', str(root), *arguments])
        runpy.run_path(TOOL, run_name='__main__')
        return capsys.readouterr().out

    with pytest.raises(SystemExit, match='out of date. Run: python tools/analysis_tools/write_tab'):
        call('--check')
    capsys.readouterr()
    assert call() == f'{PLACE}\n'
    assert call('--check') == call() == ''
    (root / PLACE).write_text(PAGE.replace('bccd', 'voc'))
    with pytest.raises(SystemExit, match=f"{PLACE}: results: unknown 'voc/AP'"):
        call()
