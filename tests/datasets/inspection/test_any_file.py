"""Whatever the files contain, the check ends with a report.

The training's data set refuses what the check calls unreadable, names the
file, and takes everything else.
"""

import json
from collections.abc import Iterator
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_data import CLASSES, check_coco, check_voc, coco_content, write_coco, write_voc

from surge_mmdet.datasets.inspection import as_json, as_text, coco_config, voc_config
from surge_mmdet.registry import DATASETS

SOUND = coco_content(('a', 'b'))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path)


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


# Errors that leave nothing to train on; others concern images or numbers.
UNREADABLE = {
    'broken_json',
    'broken_list',
    'broken_xml',
    'class_order',
    'list_line',
    'no_class',
    'no_xml',
    'refused',
}


def report(checked: tuple, leaf: dict) -> dict:
    """The report in both forms, compared with the training's data set."""
    as_text(*checked).encode('utf-8', 'backslashreplace')
    content = as_json(*checked)
    json.dumps(content)
    found = {each['code'] for each in content['sources'][0]['findings']}
    assert 'surprise' not in found
    refusal = refuse(leaf)
    assert bool(refusal) == bool(found & UNREADABLE), (refusal, found)
    assert not refusal or leaf['data_root'] in refusal
    return content


def refuse(leaf: dict) -> str:
    """What the training says to the data; '' if it takes it."""
    try:
        DATASETS.build({**leaf, 'serialize_data': False})
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return ''


def coco_report(root) -> dict:
    return report(check_coco(root), train_leaf(coco_config(f'{root}/', CLASSES)))


def voc_report(root) -> dict:
    return report(check_voc(root), train_leaf(voc_config(f'{root}/', CLASSES)))


def train_leaf(cfg) -> dict:
    return cfg.train_dataloader.dataset.datasets[0].to_dict()


def places(node: object, path: tuple = ()) -> Iterator[tuple]:
    """Paths to everything inside parsed JSON."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


@st.composite
def edits(draw) -> object:
    """Sound content with one or two entries replaced, removed or doubled."""
    content = deepcopy(SOUND)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(places(content)) or [()]))
        if not path:
            break
        parent = content
        for key in path[:-1]:
            parent = parent[key]
        kind = draw(st.sampled_from(['replace', 'remove', 'double', 'text']))
        if kind == 'replace':
            parent[path[-1]] = draw(ANY_JSON)
        elif kind == 'remove':
            del parent[path[-1]]
        elif kind == 'text':
            parent[path[-1]] = str(parent[path[-1]])
        elif isinstance(parent, list):
            parent.append(parent[path[-1]])
    return content


@many
@given(content=edits() | ANY_JSON)
@example(content={**SOUND, 'categories': [{'id': 1, 'name': '\ud800'}]})
@example(content={**SOUND, 'images': [{**SOUND['images'][0], 'file_name': 'a\0.jpg'}]})
@example(content={**SOUND, 'images': [{**SOUND['images'][0], 'file_name': '9' * 999}]})
@example(content={**SOUND, 'images': [{**SOUND['images'][0], 'width': 1e15}]})
def test_any_edit_of_a_coco_file(coco, content):
    path = coco / 'annotations/instances_train2017.json'
    path.write_text(json.dumps(content))
    coco_report(coco)


@many
@given(data=st.data())
def test_any_damage_to_a_file(voc, coco, data):
    file, check = data.draw(
        st.sampled_from(
            [
                (coco / 'annotations/instances_train2017.json', lambda: coco_report(coco)),
                (voc / 'ImageSets/Main/train.txt', lambda: voc_report(voc.parent)),
                (voc / 'Annotations/a.xml', lambda: voc_report(voc.parent)),
                (voc / 'JPEGImages/a.jpg', lambda: voc_report(voc.parent)),
            ]
        )
    )
    sound = file.read_bytes()
    start = data.draw(st.integers(0, len(sound) - 1))
    end = data.draw(st.integers(start, min(len(sound), start + 40)))
    file.write_bytes(sound[:start] + data.draw(st.binary(max_size=20)) + sound[end:])
    try:
        check()
    finally:
        file.write_bytes(sound)


LINES = st.lists(st.sampled_from(['a', 'b', 'c', 'a.jpg', ' a', 'x', '', '\ufeff'])).map('\n'.join)


@many
@given(text=st.text() | LINES)
@example(text='\udcff')
@example(text='a\0b')
@example(text='../' * 2000)
def test_any_list(voc, text):
    file = voc / 'ImageSets/Main/train.txt'
    file.write_bytes(text.encode('utf-8', 'surrogatepass'))
    content = voc_report(voc.parent)
    lines = text.removesuffix('\n').split('\n') if text else []
    assert content['usable'] == (bool(lines) and set(lines) <= {'a', 'b'})


VALUES = st.sampled_from(
    ['', ' ', '0', '-1', '1e999', 'nan', '1_0', '0x1', '9' * 5000, 'ä', '<x/>', '&#55;', '<!-- -->']
)


@many
@given(
    field=st.sampled_from(['width', 'height', 'name', 'xmin', 'ymin', 'xmax', 'ymax', 'size']),
    value=VALUES,
)
def test_any_value_in_an_xml_file(voc, field, value):
    path = voc / 'Annotations/a.xml'
    sound = path.read_text()
    start = sound.index(f'<{field}>') + len(field) + 2
    end = sound.index(f'</{field}>', start)
    path.write_text(sound[:start] + value + sound[end:])
    try:
        voc_report(voc.parent)
    finally:
        path.write_text(sound)
