"""A part of a data set: the same images whatever their order and number."""

import pytest
from conftest import write_coco, write_voc
from mmengine.registry import DATASETS, init_default_scope

from surge_mmdet.datasets import is_in_part

CLASSES = ('cat', 'dog')


@pytest.fixture
def voc(tmp_path):
    init_default_scope('mmdet')
    root = write_coco(write_voc(tmp_path / 'data', CLASSES, images=12), CLASSES, images=12)
    return dict(
        type='surge_mmdet.VOCLayoutDataset',
        data_root=f'{root}/',
        ann_file='VOC2007/ImageSets/Main/train.txt',
        data_prefix=dict(sub_data_root='VOC2007/'),
        metainfo=dict(classes=CLASSES),
    )


def coco(voc: dict) -> dict:
    return dict(
        type='surge_mmdet.CocoDataset',
        data_root=voc['data_root'],
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='train2017/'),
        metainfo=dict(classes=CLASSES),
    )


def images(**options) -> list:
    built = DATASETS.build(dict(type='surge_mmdet.DatasetPart', **options))
    return [built.get_data_info(index)['img_id'] for index in range(len(built))]


@pytest.mark.parametrize('layout', [dict, coco])
def test_two_parts_share_nothing_and_lack_nothing(voc, layout):
    dataset = layout(voc)
    whole = DATASETS.build(dataset)
    one, other = images(dataset=dataset, share=0.6), images(dataset=dataset, share=0.6, rest=True)
    assert not set(one) & set(other)
    assert len(one) + len(other) == len(whole) == 12
    assert all(is_in_part(name, 0.6) for name in one)
    assert type(DATASETS.build(dict(type='surge_mmdet.DatasetPart', dataset=dataset))) is type(
        whole
    )


def test_an_image_stays_where_it_is_when_others_go(voc, tmp_path):
    before = images(dataset=voc, share=0.6)
    names = (tmp_path / 'data' / voc['ann_file']).read_text().split()
    (tmp_path / 'data' / voc['ann_file']).write_text('\n'.join(reversed(names[1:])))
    assert sorted(images(dataset=voc, share=0.6)) == sorted(set(before) - {names[0]})


def test_about_the_share_is_in_the_part():
    inside = sum(is_in_part(name, 0.8) for name in range(5000))
    assert abs(inside / 5000 - 0.8) < 0.02  # 3.5 standard deviations
    assert not any(is_in_part(name, 0.3) and not is_in_part(name, 0.4) for name in range(500))


@pytest.mark.parametrize(
    'options, error, text',
    [
        (dict(share=1.0), ValueError, 'between 0 and 1, got 1.0.*share=0.8'),
        (dict(share=1e-9), ValueError, 'none of 12 images'),
        (dict(dataset='voc'), TypeError, 'is no config of a data set'),
    ],
)
def test_what_cannot_be_a_part_is_refused(voc, options, error, text):
    with pytest.raises(error, match=text):
        images(**{'dataset': voc, **options})
