import pytest
from small_data import (
    check_coco,
    check_voc,
    edit_coco,
    write_coco,
    write_list,
    write_voc,
    write_xml,
)

TRAIN = 'annotations/instances_train2017.json'


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path)


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


def found_voc(base) -> dict:
    (train, _), _ = check_voc(base.parent)
    return train.found


def test_sound_voc_has_no_finding_and_mmdets_boxes(voc):
    (train, val), shared = check_voc(voc.parent)
    assert (train.found, val.found, shared) == ({}, {}, {})
    box = train.photos[0].boxes[1]
    assert (box.name, box.corners) == ('dog', (29, 19, 99, 79))
    assert train.used == dict(images=2, boxes=4, ignored=0)


def test_difficult_objects_are_counted_as_mmdet_does(voc):
    write_xml(voc / 'Annotations/a.xml', difficult=1)
    (train, _), _ = check_voc(voc.parent)
    assert [box.ignored for box in train.photos[0].boxes] == [True, True]
    assert train.used['ignored'] == 2 and not train.found


def test_blank_suffixed_and_two_column_lines(voc):
    write_list(voc, 'train', ('a', '', 'b ', 'a -1'))
    assert found_voc(voc) == {
        'list_line': [
            "line 2: '' is blank: remove the line",
            "line 3: 'b ' has blanks around the name: write 'b'",
            "line 4: 'a -1' has a second column: write 'a'",
        ]
    }


def test_image_twice_in_the_list(voc):
    write_list(voc, 'train', ('a', 'a', 'b'))
    assert found_voc(voc) == {'twice': ['a']}


def test_empty_list(voc):
    write_list(voc, 'train', ())
    assert list(found_voc(voc)) == ['empty_list']


def test_xml_that_is_not_there(voc):
    (voc / 'Annotations/b.xml').unlink()
    assert found_voc(voc) == {'no_xml': ['VOC2007/Annotations/b.xml']}


@pytest.mark.parametrize(
    'text, why',
    [
        ('<annotation><size>', 'no element found'),
        (
            '<annotation><object><name>cat</name></object></annotation>',
            'object[0] lacks bndbox',
        ),
    ],
)
def test_xml_that_cannot_be_used(voc, text, why):
    (voc / 'Annotations/b.xml').write_text(text)
    (case,) = found_voc(voc)['broken_xml']
    assert case.startswith('VOC2007/Annotations/b.xml: ') and why in case


@pytest.mark.parametrize(
    'fields, why',
    [
        (
            dict(difficult='Unspecified'),
            "object[0].difficult is 'Unspecified', not a whole number",
        ),
        (dict(width='100.0'), "size.width is '100.0', not a whole number"),
    ],
)
def test_fields_that_stop_mmdet_are_named(voc, fields, why):
    write_xml(voc / 'Annotations/b.xml', **fields)
    case = found_voc(voc)['broken_xml'][0]
    assert case == f'VOC2007/Annotations/b.xml: {why}'


def test_corners_may_have_decimals_as_for_mmdet(voc):
    write_xml(voc / 'Annotations/a.xml', [('cat', 9.9, 10.1, 50.5, 60.9)])
    (train, _), _ = check_voc(voc.parent)
    assert train.photos[0].boxes[0].corners == (8, 9, 49, 59)
    assert train.data.get_data_info(0)['instances'][0]['bbox'] == [8, 9, 49, 59]


def test_xml_without_size_takes_the_images(voc):
    path = voc / 'Annotations/a.xml'
    text = path.read_text()
    path.write_text(text[: text.index('<size>')] + text[text.index('</size>') + 7 :])
    assert found_voc(voc) == {}


def test_sound_coco_has_no_finding(coco):
    (train, val), shared = check_coco(coco)
    assert (train.found, val.found, shared) == ({}, {}, {})
    assert train.photos[1].boxes[0].corners == (10, 10, 50, 60)
    assert [box.ignored for box in train.photos[0].boxes] == [False, True, False]
    assert train.used == dict(images=2, boxes=6, ignored=2)


def broken(coco, change, split='train') -> dict:
    edit_coco(coco, split, change)
    sources, _ = check_coco(coco)
    return sources[split == 'val'].found


def test_json_that_is_cut_off(coco):
    path = coco / 'annotations/instances_train2017.json'
    path.write_text(path.read_text()[:50])
    (train, _), _ = check_coco(coco)
    assert list(train.found) == ['broken_json']


@pytest.mark.parametrize(
    'part, key', [('images', 'width'), ('annotations', 'area'), ('annotations', 'bbox')]
)
def test_missing_fields_are_named(coco, part, key):
    (case,) = broken(coco, lambda c: c[part][1].pop(key))['broken_json']
    assert case.endswith(f'lacks {key}')


def test_iscrowd_is_needed_by_the_evaluation_only(coco):
    assert broken(coco, lambda c: c['annotations'][0].pop('iscrowd')) == {}
    (case,) = broken(coco, lambda c: c['annotations'][0].pop('iscrowd'), 'val')['broken_json']
    assert case == 'annotation 1: lacks iscrowd'


def test_texts_as_ids_if_they_are_numbers_for_the_evaluation(coco):
    def change(content):
        for part in ('images', 'annotations', 'categories'):
            for each in content[part]:
                each.update({key: str(each[key]) for key in each if key.endswith('id')})

    assert broken(coco, change, 'val') == {}
    (case,) = broken(coco, lambda c: c['annotations'][0].update(id='a7'), 'val')['broken_json']
    assert case == 'annotation a7: its id is no number, which the evaluation needs'
    assert broken(coco, lambda c: c['annotations'][0].update(id='a7')) == {}


def test_bbox_of_another_form(coco):
    def change(content):
        content['annotations'][0]['bbox'] = [[1, 2], [3, 4]]

    (case,) = broken(coco, change)['broken_json']
    assert 'not [x, y, width, height]' in case


def test_ids_used_twice(coco):
    def change(content):
        content['annotations'][1]['id'] = content['annotations'][0]['id']
        content['images'].append(content['images'][0])

    assert sorted(broken(coco, change)['broken_json']) == [
        f'{TRAIN}: annotations[1].id is 1, as that of annotations[0] is',
        f'{TRAIN}: images[2].id is 0, as that of images[0] is',
    ]


def test_id_zero_is_found_in_the_evaluated_file(coco):
    def change(content):
        content['annotations'][0]['id'] = 0

    assert list(broken(coco, change, 'val')) == ['id_zero']


def test_annotations_of_nothing(coco):
    def change(content):
        content['annotations'][0]['image_id'] = 77
        content['annotations'][1]['category_id'] = 88

    assert broken(coco, change)['orphan'] == [
        'annotation 1: image 77, category 1',
        'annotation 2: image 0, category 88',
    ]


def test_categories_in_another_order(coco):
    found = broken(coco, lambda c: c['categories'].reverse())
    assert found['class_order'] == [
        "the categories are in another order than the classes: ('dog', 'cat'), not "
        "('cat', 'dog'). Run: python tools/dataset_converters/order_categories.py "
        f'{coco}/{TRAIN} --classes cat dog'
    ]


def test_box_whose_area_is_zero_is_dropped_by_mmdet_too(coco):
    def change(content):
        content['annotations'][0]['area'] = 0

    edit_coco(coco, 'train', change)
    (train, _), _ = check_coco(coco)
    assert train.found == {'area_zero': ['a.jpg: cat (10, 10, 40, 50) in 100x80']}
    assert train.used['boxes'] == 5
