import json

import pytest
from small_data import check_coco, check_voc, write_coco, write_voc, write_xml

from surge_mmdet.datasets.inspection import RULES, Findings, as_json, as_text


def test_sound_folder_word_for_word(tmp_path):
    write_coco(tmp_path)
    assert as_text(*check_coco(tmp_path)) == '\n'.join(
        [
            f'train: {tmp_path}/annotations/instances_train2017.json',
            '  2 images, 0 without objects; 6 objects, 2 crowd',
            '  mmdet reads 2 images with 6 boxes, of which 2 are ignored',
            '  cat 2   dog 4',
            '',
            f'val, test: {tmp_path}/annotations/instances_val2017.json',
            '  1 images, 0 without objects; 3 objects, 1 crowd',
            '  mmdet reads 1 images with 3 boxes, of which 1 are ignored',
            '  cat 1   dog 2',
            '',
            'Usable: errors 0, warnings 0.',
        ]
    )


@pytest.fixture
def flat(tmp_path):
    base = write_voc(tmp_path)
    write_xml(base / 'Annotations/a.xml', [('cat', 30, y, 30, 70) for y in range(1, 6)])
    return check_voc(tmp_path)


def test_warnings_are_short_and_leave_it_usable(flat):
    text = as_text(*flat)
    assert text.count('(30, ') == 3 and '- and 2 more' in text
    assert 'warning: boxes less than 1 pixel wide or high (5).' in text
    assert text.endswith('Usable: errors 0, warnings 1.')


def test_json_has_all_cases_and_survives_a_round_trip(flat):
    content = as_json(*flat)
    assert json.loads(json.dumps(content)) == content
    (finding,) = content['sources'][0]['findings']
    assert finding['count'] == len(finding['cases']) == 5
    assert content['usable'] is True
    assert content['sources'][0]['classes'] == {'cat': 6, 'dog': 1}


def test_errors_anywhere_make_it_unusable(flat):
    sources, _ = flat
    shared = Findings()
    shared.add('overlap', 'a')
    assert as_json(sources, shared)['usable'] is False
    assert 'All lists together' in as_text(sources, shared)
    assert as_text(sources, shared).endswith('Not usable: errors 1, warnings 1.')


def test_findings_take_only_codes_with_a_rule():
    with pytest.raises(KeyError):
        Findings().add('no_rule', 'a')
    assert {level for level, _, _ in RULES.values()} == {'error', 'warning'}


def test_names_of_two_words_stay_on_one_line(tmp_path):
    names = tuple(f'traffic light {i}' for i in range(9))
    base = write_voc(tmp_path)
    write_xml(base / 'Annotations/a.xml', [(name, 10, 10, 50, 60) for name in names])
    lines = as_text(*check_voc(tmp_path, names)).splitlines()
    table = [line for line in lines if 'traffic light 8 1' in line]
    assert table and all(len(line) <= 79 for line in lines if line.startswith('  traffic'))
