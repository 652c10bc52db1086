import json
from copy import deepcopy

import pytest
from pycocotools.coco import COCO

from surge_mmdet.datasets.reading import load_coco, read_coco

SOUND = dict(
    images=[dict(id=i, file_name=f'{i}.jpg', width=100, height=80) for i in (1, 2)],
    annotations=[
        dict(id=i, image_id=i, category_id=i, bbox=[10, 10, 40, 50.5], area=2000, iscrowd=0)
        for i in (1, 2)
    ],
    categories=[dict(id=i, name=name) for i, name in enumerate(('cat', 'dog'), 1)],
)


def write(path, change=None, content=SOUND) -> str:
    content = deepcopy(content)
    if change:
        change(content)
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def file(tmp_path):
    return tmp_path / 'train.json'


def test_sound_file_has_no_problem_and_every_field(file):
    content, problems = read_coco(write(file))
    assert problems == []
    assert content.annotations[1].bbox == (10, 10, 40, 50.5)
    assert load_coco(str(file)) == SOUND


@pytest.mark.parametrize(
    'part, field, value, problem',
    [
        ('annotations', 'bbox', None, 'annotations[1].bbox is None, not [x, y, width, height]'),
        ('annotations', 'bbox', [1, 2], 'annotations[1].bbox is [1, 2], not [x, y, width, height]'),
        ('annotations', 'bbox', ['1', 2, 3, 4], "annotations[1].bbox[0] is '1', not a number"),
        ('annotations', 'bbox', [1, 2, 3, None], 'annotations[1].bbox[3] is None, not a number'),
        ('annotations', 'area', '7', "annotations[1].area is '7', not a number"),
        ('annotations', 'area', None, 'annotations[1].area is None, not a number'),
        ('annotations', 'area', float('nan'), 'annotations[1].area is nan, not a finite number'),
        ('annotations', 'area', 1e30, 'annotations[1].area is 1e+30, not a finite number'),
        ('annotations', 'id', None, 'annotations[1].id is None, not a number or a text'),
        ('annotations', 'id', 1, 'annotations[1].id is 1, as that of annotations[0] is'),
        ('annotations', 'iscrowd', '0', "annotations[1].iscrowd is '0', not 0 or 1"),
        ('annotations', 'ignore', '0', "annotations[1].ignore is '0', not 0 or 1"),
        (
            'annotations',
            'image_id',
            '2',
            "annotations[1].image_id is '2', but the id in images is 2",
        ),
        (
            'annotations',
            'category_id',
            '2',
            "annotations[1].category_id is '2', but the id in categories is 2",
        ),
        ('images', 'width', '100', "images[1].width is '100', not a number"),
        ('images', 'file_name', 7, 'images[1].file_name is 7, not a text'),
        ('images', 'id', 1, 'images[1].id is 1, as that of images[0] is'),
        ('categories', 'name', 3, 'categories[1].name is 3, not a text'),
        ('categories', 'name', 'cat', "categories[1].name is 'cat', as that of categories[0] is"),
        ('categories', 'id', 1, 'categories[1].id is 1, as that of categories[0] is'),
    ],
)
def test_the_check_and_the_training_name_the_field(file, part, field, value, problem):
    path = write(file, lambda content: content[part][1].update({field: value}))
    assert read_coco(path).problems[0] == problem
    with pytest.raises(ValueError) as error:
        load_coco(path)
    assert str(error.value).startswith(f'{path}: {problem}')


@pytest.mark.parametrize(
    'part, field',
    [
        *(('images', field) for field in ('id', 'file_name', 'width', 'height')),
        *(('annotations', field) for field in ('id', 'image_id', 'category_id', 'bbox', 'area')),
        *(('categories', field) for field in ('id', 'name')),
    ],
)
def test_missing_fields(file, part, field):
    path = write(file, lambda content: content[part][0].pop(field))
    assert read_coco(path).problems == [f'{part}[0] lacks {field}']


@pytest.mark.parametrize(
    'content, problem',
    [
        ([], 'the file is not a mapping with images, annotations and categories'),
        ({**SOUND, 'annotations': {'1': {}}}, 'annotations is a mapping, not a list'),
        ({**SOUND, 'annotations': None}, 'annotations is null, not a list'),
        ({**SOUND, 'images': [7, *SOUND['images']]}, 'images[0] is 7, not a mapping'),
        ({'images': [], 'annotations': []}, 'the file lacks categories'),
    ],
)
def test_another_structure(file, content, problem):
    path = write(file, content=content)
    assert read_coco(path).problems == [problem]


@pytest.mark.parametrize(
    'data, problem',
    [
        (b'', 'no JSON: Expecting value: line 1 column 1'),
        (b'{"images": [', 'no JSON: '),
        (b'[' * 100_000, 'no JSON: maximum recursion depth'),
        (json.dumps(SOUND).encode('utf-16'), 'is UTF-16, not UTF-8. Run: iconv -f UTF-16 '),
        (b'\xef\xbb\xbf{}', 'starts with a byte order mark. Run: sed '),
        (b'{\n"a": "\xe9"}', 'line 2 is not UTF-8 (byte 0xe9). If it is Latin-1, run: iconv'),
    ],
)
def test_what_is_no_json(file, data, problem):
    file.write_bytes(data)
    (found,) = read_coco(str(file)).problems
    assert found.startswith(problem)
    with pytest.raises(ValueError, match='train.json: '):
        load_coco(str(file))


def test_all_entries_are_named_and_the_others_kept(file):
    def change(content):
        content['images'][0].pop('width')
        content['annotations'][1]['area'] = 'large'

    content, problems = read_coco(write(file, change))
    assert problems == ['images[0] lacks width', "annotations[1].area is 'large', not a number"]
    assert [each.id for each in content.images] == [2]
    assert [each.id for each in content.annotations] == [1]


def change_ids(content):
    """Texts everywhere, as some tools write them; mmdet reads such a file."""
    for part in ('images', 'categories', 'annotations'):
        for each in content[part]:
            each.update({key: str(each[key]) for key in each if key.endswith('id')})


@pytest.mark.parametrize(
    'change',
    [
        change_ids,
        lambda content: content.pop('annotations'),
        lambda content: content['annotations'][0].pop('iscrowd'),
        lambda content: content['annotations'][0].update(iscrowd=None, score=float('nan')),
        lambda content: content['annotations'][0].update(iscrowd=True),
        lambda content: content['images'][0].update(width=100.0, caption='\ud800'),
        lambda content: content.update(info=[1e300, 10**30, {'a': []}]),
    ],
)
def test_what_mmdet_reads_has_no_problem(file, change):
    path = write(file, change)
    assert read_coco(path).problems == []
    with open(path) as stream:
        assert repr(load_coco(path)) == repr(json.load(stream))


def test_content_is_what_pycocotools_reads(file):
    assert load_coco(write(file)) == COCO(str(file)).dataset


# x1, y1, x2, y2 in 100x80; the last lies near the corner, where width and height fit as well.
CORNERS = [[60, 10, 90, 70], [5, 50, 95, 79], [70, 60, 100, 80], [50, 30, 80, 78]] * 2
CORNERS += [[0, 0, 40, 30]]


def boxes_of(corners, **first):
    """The file with these as bbox; ``first`` changes the first annotation."""

    def change(content):
        sound = content['annotations'][0]
        content['annotations'] = [
            dict(sound, id=number, bbox=box) for number, box in enumerate(corners, 1)
        ]
        content['annotations'][0].update(first)

    return change


def test_corners_in_place_of_width_and_height(file):
    path = write(file, boxes_of(CORNERS))
    says = (
        '8 of 9 boxes reach beyond their image, and all fit it as [x1, y1, x2, y2]. '
        'COCO has bbox=[x, y, width, height]: write [x1, y1, x2 - x1, y2 - y1]'
    )
    assert read_coco(path).problems == [says]
    with pytest.raises(ValueError) as error:
        load_coco(path)
    assert str(error.value) == f'{path}: {says}'


def as_coco(x1, y1, x2, y2):
    return [x1, y1, x2 - x1, y2 - y1]


@pytest.mark.parametrize(
    'change',
    [
        boxes_of([as_coco(*box) for box in CORNERS]),
        boxes_of(CORNERS[:4]),
        boxes_of(CORNERS[:8], bbox=[50, 20, 50, 60]),
        boxes_of([[0, 0, 100, 80]] * 9),
        boxes_of([[20, 20, 90, 70]] * 5 + [[0, 0, 40, 30]] * 6),
    ],
    ids=['as COCO means', 'few', 'one that fits otherwise', 'whole images', 'mostly inside'],
)
def test_what_may_be_width_and_height_is_taken_so(file, change):
    assert read_coco(write(file, change)).problems == []
