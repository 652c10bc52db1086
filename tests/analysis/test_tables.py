"""Cells, Markdown, and files that are written whole."""

import json

import pytest

from surge_mmdet.analysis.tables import (
    Column,
    Table,
    markdown,
    read_record,
    write_csv,
    write_json,
    write_record,
    write_text,
)


@pytest.mark.parametrize(
    'column, value, text',
    [
        (Column('', 'v'), None, '-'),
        (Column('', 'v'), 0, '0'),
        (Column('', 'v', '{:.2f}', 1e-6), 12_345_678, '12.35'),
        (Column('', 'v', '{:.2f} ({:.1f}-{:.1f})'), [1.5, 1.25, 1.75], '1.50 (1.2-1.8)'),
        (Column('', 'v', '{:.1f} ({:.1f}-{:.1f})', 1e3), [1, 2, 3], '1000.0 (2000.0-3000.0)'),
        (Column('', 'v', '{:+.3f} ± {:.3f}'), [0.05], '+0.050'),
        (Column('', 'v', '{:.1f} to {:.1f}'), [-0.04, 1], '-0.0 to 1.0'),
        (Column('', 'v', 'short'), 300, '300'),
        (Column('', 'v', 'short'), 0.5, '0.500'),
        (Column('', 'v', '{:.3f}'), 'diverged', 'diverged'),
    ],
)
def test_a_cell_is_printed_by_its_column(column, value, text):
    assert column.cell({'v': value}) == text
    assert column.cell({'v': value, 'bold': ['w']}) == text
    if value is not None:
        assert column.cell({'v': value, 'bold': ['v']}) == f'**{text}**'


def table() -> Table:
    return Table(
        [Column('', 'method'), Column('AP', 'AP', '{:.3f}'), Column('MB', 'bytes', '{:.1f}', 1e-6)],
        [dict(method='STE', AP=0.5351, bytes=1_250_000), dict(method='SURGE', bold=['AP'], AP=0.6)],
    )


def test_json_gives_the_same_table_again(tmp_path):
    content = json.loads(json.dumps(table().as_dict()))
    assert content['columns'][0] == dict(title='', key='method')
    assert Table.from_dict(content).markdown() == table().markdown()
    assert content['rows'][0]['AP'] == 0.5351  # not what is printed
    write_record(dict(first=table()), tmp_path / 'new/record.json', source='here')
    assert read_record(tmp_path / 'new/record.json')['first'].markdown() == table().markdown()
    assert json.loads((tmp_path / 'new/record.json').read_text())['source'] == 'here'


def test_markdown_has_a_line_per_row():
    assert table().markdown().splitlines() == [
        '| | AP | MB |',
        '|---|---|---|',
        '| STE | 0.535 | 1.2 |',
        '| SURGE | **0.600** | - |',
    ]
    assert markdown(['a'], []) == '| a |\n|---|'


def test_files_are_whole_or_not_there(tmp_path):
    target = tmp_path / 'new/page.md'
    write_text('text\n\n', target)
    assert target.read_text() == 'text\n'
    write_json(dict(a='±'), tmp_path / 'new/a.json')
    assert json.loads((tmp_path / 'new/a.json').read_text()) == dict(a='±')
    write_csv([dict(a=1, b=2)], tmp_path / 'new/a.csv')
    assert (tmp_path / 'new/a.csv').read_text() == 'a,b\n1,2\n'
    assert sorted(p.name for p in target.parent.iterdir()) == ['a.csv', 'a.json', 'page.md']
    write_text('text', None)
    with pytest.raises(TypeError):
        write_json(dict(a=object()), target)
    assert target.read_text() == 'text\n'
