"""Imports point one way, kernels know nothing of what stands above them."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'surge_mmdet'
# A room may import from those to its left; rooms of one pair of brackets from none of each other.
ORDER = (
    {'allocator', 'cfg_options', 'environment', 'errors', 'onnx_detector'}
    | {'text', 'upstream', 'whole_files', 'writable'},
    {'methods', 'registry', 'kernels', 'overrides'},
    {'binarizers', 'datasets'},
    {'surge'},
    {'layers'},
    {'convert', 'losses'},
    {'models'},
    {'distill'},
    {'deploy', 'classification'},
    {'engine', 'shipped'},
    {'analysis', 'demo'},
    {'before_start'},
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
# Inside surge/ the extensions stand above the paper.
PAPER = ('fused', 'ops', 'config', 'branch', 'ags', 'dpgc', 'reference')


def sources():
    return sorted(p for p in PACKAGE.rglob('*.py') if '.mim' not in p.parts)


def module_of(path: Path) -> list:
    parts = list(path.relative_to(PACKAGE).with_suffix('').parts)
    return parts[:-1] if parts[-1] == '__init__' else parts


def imported(path: Path) -> list:
    """Modules of this package that a file imports, as lists of names."""
    inside = list(path.relative_to(PACKAGE).parts[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = inside[: len(inside) - node.level + 1]
            module = node.module.split('.') if node.module else []
            names = [alias.name for alias in node.names if alias.name != '__version__']
            found += [base + module + ([] if module else [name]) for name in names]
        elif isinstance(node, ast.ImportFrom) and (node.module or '').startswith('surge_mmdet'):
            found.append(node.module.split('.')[1:] or [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            found += [
                a.name.split('.')[1:] for a in node.names if a.name.startswith('surge_mmdet.')
            ]
    return found


def test_every_room_has_its_place_in_the_order():
    rooms = {module_of(path)[0] for path in sources() if module_of(path)}
    assert rooms <= set(LEVEL), f'say in ORDER where they belong: {rooms - set(LEVEL)}'


def test_every_room_is_in_the_table_of_rooms():
    page = (PACKAGE.parent / 'docs/design/how_it_works.md').read_text()
    table = page.partition('## Where things are')[2].partition('\n## ')[0]
    rows = [row.split('|')[1] for row in table.splitlines() if row.startswith('|')]
    named = set(re.findall(r'`(?:surge_mmdet/)?(\w+)(?:/|\.py)`', ' '.join(rows)))
    assert not set(LEVEL) - named
    assert not named - set(LEVEL) - {'configs', 'tools', 'tests'}


@pytest.mark.parametrize('path', sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_import_points_back_up(path):
    own = module_of(path)
    if not own:
        return  # the package itself
    for other in imported(path):
        if other and other[0] != own[0]:
            assert LEVEL[other[0]] < LEVEL[own[0]], f'{".".join(own)} imports {".".join(other)}'


def parts_of(room: str) -> dict:
    """Each subpackage or file of a room, and which others of it they import.

    Args:
        room (str): ``analysis``, or one inside another, ``analysis/study``.
    """
    above = room.split('/')
    deep, found = len(above), {}
    for path in sources():
        own = module_of(path)
        if len(own) <= deep or own[:deep] != above:
            continue  # a room itself shows what is in it
        others = {o[deep] for o in imported(path) if len(o) > deep and o[:deep] == above}
        found.setdefault(own[deep], set()).update(others - {own[deep]})
    return found


def rooms() -> list:
    """Every package of this one, at any depth."""
    packages = {path.parent for path in sources() if path.name == '__init__.py'}
    return sorted(p.relative_to(PACKAGE).as_posix() for p in packages - {PACKAGE})


@pytest.mark.parametrize('room', rooms())
def test_no_two_parts_of_a_room_import_each_other(room):
    try:
        TopologicalSorter(parts_of(room)).prepare()
    except CycleError as error:
        pytest.fail(f'in {room}/ these import each other: {" <- ".join(error.args[1])}')


@pytest.mark.parametrize('name', PAPER)
def test_the_paper_knows_nothing_of_its_extensions(name):
    assert not any('extensions' in other for other in imported(PACKAGE / 'surge' / f'{name}.py'))


def test_the_rule_can_fail(tmp_path, monkeypatch):
    monkeypatch.setattr('test_structure.PACKAGE', tmp_path)
    (tmp_path / 'surge').mkdir()
    bad = tmp_path / 'surge' / 'bad.py'
    bad.write_text('from ..models.blocks import Block\nfrom surge_mmdet.engine import AGSHook\n')
    assert imported(bad) == [['models', 'blocks'], ['engine']]
    with pytest.raises(AssertionError, match='surge.bad imports models.blocks'):
        test_no_import_points_back_up(bad)


def test_so_can_the_rule_of_the_parts(tmp_path, monkeypatch):
    monkeypatch.setattr('test_structure.PACKAGE', tmp_path)
    for name, line in (('low', 'from ..high import x'), ('high', 'from ..low.deep import y')):
        (tmp_path / 'engine' / name).mkdir(parents=True)
        (tmp_path / 'engine' / name / '__init__.py').write_text(f'{line}\n')
    assert parts_of('engine') == {'low': {'high'}, 'high': {'low'}}
    with pytest.raises(pytest.fail.Exception, match='these import each other: (low|high) <-'):
        test_no_two_parts_of_a_room_import_each_other('engine')
    (tmp_path / 'engine' / 'low' / '__init__.py').write_text('from . import inside\n')
    test_no_two_parts_of_a_room_import_each_other('engine')


def test_and_inside_a_room_of_a_room(tmp_path, monkeypatch):
    assert {'analysis', 'analysis/study', 'analysis/study/runs'} <= set(rooms())
    monkeypatch.setattr('test_structure.PACKAGE', tmp_path)
    for name, line in (('low', 'from ..high import x'), ('high', 'from ..low.deep import y')):
        (tmp_path / 'analysis' / 'study' / name).mkdir(parents=True)
        (tmp_path / 'analysis' / 'study' / name / '__init__.py').write_text(f'{line}\n')
    assert parts_of('analysis/study') == {'low': {'high'}, 'high': {'low'}}
    with pytest.raises(pytest.fail.Exception, match='these import each other: (low|high) <-'):
        test_no_two_parts_of_a_room_import_each_other('analysis/study')
