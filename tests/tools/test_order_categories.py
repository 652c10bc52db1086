import importlib.util
import json
import sys

import pytest
from conftest import ROOT

TOOL = ROOT / 'tools/dataset_converters/order_categories.py'
spec = importlib.util.spec_from_file_location('order_categories', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)
NAMES = {7: 'emu', 3: 'dog', 5: 'cat'}


@pytest.fixture
def file(tmp_path):
    content = dict(
        info=dict(year=2017),
        images=[dict(id=1, file_name='a.jpg', width=100, height=80)],
        annotations=[
            dict(id=i, image_id=1, category_id=key, bbox=[1, 2, 30, 40], area=1200, score=0.5)
            for i, key in enumerate((3, 5, 7, 9), 1)
        ],
        categories=[dict(id=key, name=name, supercategory='x') for key, name in NAMES.items()],
    )
    path = tmp_path / 'val data.json'
    path.write_text(json.dumps(content))
    return path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    tool.main()


def test_order_changes_and_nothing_else(file, monkeypatch, capsys):
    before = json.loads(file.read_text())
    run(monkeypatch, file, '--classes', 'cat', 'dog')
    after = json.loads(file.read_text())
    assert [(each['id'], each['name']) for each in after.pop('categories')] == [
        (5, 'cat'),
        (3, 'dog'),
        (7, 'emu'),
    ]
    before.pop('categories')
    assert after == before
    assert "categories are ['cat', 'dog', 'emu']" in capsys.readouterr().out
    assert list(file.parent.iterdir()) == [file]


def test_a_class_that_lacks_gets_an_id_of_its_own(file, monkeypatch):
    run(monkeypatch, file, '--classes', 'cat', 'bird', 'dog', 'red fox')
    categories = json.loads(file.read_text())['categories']
    # 9 is that of an annotation without category.
    assert [(each['id'], each['name']) for each in categories] == [
        (5, 'cat'),
        (10, 'bird'),
        (3, 'dog'),
        (11, 'red fox'),
        (7, 'emu'),
    ]


def test_a_link_stays_a_link(file, monkeypatch, tmp_path):
    link = tmp_path / 'link.json'
    link.symlink_to(file)
    run(monkeypatch, link, '--classes', 'cat', 'dog')
    assert link.is_symlink() and json.loads(file.read_text())['categories'][0]['name'] == 'cat'


def test_unusable_file_stays_as_it_is(file, monkeypatch):
    file.write_text('{"images": [], "categories": [{"name": "cat"}]}')
    before = file.read_text()
    with pytest.raises(SystemExit, match=r'not changed: .*categories\[0\] lacks id'):
        run(monkeypatch, file, '--classes', 'cat')
    assert file.read_text() == before


@pytest.mark.parametrize(
    'arguments, text',
    [
        (('nowhere.json', '--classes', 'cat'), 'nowhere.json does not exist'),
        ((TOOL, '--classes', 'cat', 'dog', 'cat'), '--classes has cat more than once'),
        ((TOOL,), '--classes'),
    ],
)
def test_wrong_arguments(arguments, text, monkeypatch, capsys):
    with pytest.raises(SystemExit) as error:
        run(monkeypatch, *arguments)
    assert error.value.code == 2
    assert text in capsys.readouterr().err
