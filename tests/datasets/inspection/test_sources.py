import shutil

import pytest
from conftest import ROOT
from mmengine.config import Config
from small_data import check_coco, check_voc, write_coco, write_voc

from surge_mmdet.datasets.inspection import (
    coco_config,
    sources_of,
    voc_config,
)

BASES = ROOT / 'configs/_base_/datasets'


def reads(cfg) -> list:
    return [
        (s.name, s.inside(s.image_folder), s.roles, len(s.data.metainfo['classes']))
        for s in sources_of(cfg)
    ]


@pytest.mark.parametrize(
    'base, cfg',
    [
        ('voc0712.py', voc_config('data/VOCdevkit/')),
        ('coco_detection.py', coco_config('data/coco/')),
    ],
)
def test_folder_forms_read_what_the_shipped_configs_read(base, cfg):
    assert reads(cfg) == reads(Config.fromfile(BASES / base))


def test_own_classes_read_what_the_layout_config_reads():
    cfg = Config.fromfile(BASES / 'voc_layout_320x240.py')
    for role in ('train', 'val', 'test'):
        cfg[f'{role}_dataloader'].dataset.metainfo = dict(classes=('a',))
    assert reads(voc_config('data/VOCdevkit/', ('a',))) == reads(cfg)


def test_one_list_with_two_roles_is_one_source():
    sources = sources_of(voc_config('nowhere', ('a',)))
    assert [source.roles for source in sources] == [['train'], ['val', 'test']]


def test_config_without_data_is_refused():
    with pytest.raises(ValueError, match='Write train_dataloader=dict'):
        sources_of(Config(dict(model=dict())))


@pytest.mark.parametrize('kind', ['CrowdHumanDataset', 'Unheard'])
def test_other_formats_are_refused(kind):
    leaf = dict(type=kind, ann_file='a', data_root='b')
    with pytest.raises(ValueError, match=f'{kind} is neither.*Write type='):
        sources_of(Config(dict(train_dataloader=dict(dataset=leaf))))


def test_classes_are_needed():
    with pytest.raises(ValueError, match='which classes. Write metainfo='):
        sources_of(Config.fromfile(BASES / 'voc_layout_320x240.py'))


def missing(sources) -> list:
    return [case for s in sources for case in s.found.get('missing', [])]


def test_each_missing_archive_is_named_with_its_command(tmp_path):
    root = f'{tmp_path}/'
    archives = (
        ('VOC2007', 'trainval', 'VOCtrainval_06-Nov-2007.tar'),
        ('VOC2012', 'trainval', 'VOCtrainval_11-May-2012.tar'),
        ('VOC2007', 'test', 'VOCtest_06-Nov-2007.tar'),
    )
    assert missing(check_voc(tmp_path, ())[0]) == [
        f'{year}/ImageSets/Main/{split}.txt: run mkdir -p {root} && tar -xf '
        f'{archive} --strip-components=1 -C {root}'
        for year, split, archive in archives
    ]
    assert missing(check_coco(tmp_path)[0]) == [
        f'annotations/instances_{split}2017.json: run unzip annotations_trainval2017.zip -d {root}'
        for split in ('train', 'val')
    ]


def test_missing_photographs_are_one_finding(tmp_path):
    coco = write_coco(tmp_path)
    shutil.rmtree(coco / 'train2017')
    (train, val), _ = check_coco(coco)
    assert train.found == {'missing': [f'train2017: run unzip train2017.zip -d {tmp_path}/']}
    assert val.found == {}


@pytest.mark.parametrize('given', ['.', 'VOCdevkit/VOC2007', 'VOCdevkit'])
def test_folder_one_off_is_recognised(tmp_path, given):
    write_voc(tmp_path / 'VOCdevkit')
    cases = missing(check_voc(tmp_path / given)[0])
    hint = f'it lies in {tmp_path}/VOCdevkit. Give that folder instead'
    assert len(cases) == (0 if given == 'VOCdevkit' else 2)
    assert all(case.endswith(hint) for case in cases)


def test_list_of_own_data_that_is_not_there(tmp_path):
    base = write_voc(tmp_path)
    (base / 'ImageSets/Main/val.txt').unlink()
    (case,) = missing(check_voc(tmp_path)[0])
    assert case == f'VOC2007/ImageSets/Main/val.txt: expected in {tmp_path}/'
