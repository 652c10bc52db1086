"""A colour for every class, whatever palette a config inherits."""

import pytest
from conftest import write_coco, write_voc
from mmdet.visualization.palette import get_palette

from surge_mmdet.datasets import CocoDataset, VOCDataset, VOCLayoutDataset
from surge_mmdet.datasets.palette import fitting_palette

CLASSES = ('a', 'b', 'c', 'd', 'e')
RED, BLUE = (220, 20, 60), (0, 90, 200)
PALETTES = {
    'inherited': [RED, BLUE],
    'lists': [list(RED), list(BLUE)],
    'a tuple': (RED, BLUE),
    'none': [],
    'long enough': [RED] * 9,
    'one colour for all': RED,
    'a name': 'random',
    'another name': 'red',
    'absent': None,
}


@pytest.mark.parametrize('count', [1, 2, 5, 200])
@pytest.mark.parametrize('kind', PALETTES)
def test_mmdet_takes_what_comes_out(kind, count):
    palette = fitting_palette(PALETTES[kind], count)
    assert len(get_palette(palette, count)) >= count


@pytest.mark.parametrize('kind', ['inherited', 'lists', 'a tuple'])
def test_the_given_colours_stay_with_their_classes(kind):
    palette = fitting_palette(PALETTES[kind], 5)
    assert palette[:2] == [RED, BLUE] and len(palette) == 5
    assert all(isinstance(value, int) and 0 <= value <= 255 for c in palette for value in c)


def test_no_colour_comes_twice():
    palette = fitting_palette([], 60)
    assert len(set(palette)) == 60


@pytest.mark.parametrize('palette', [PALETTES['inherited'], None, 'random'])
@pytest.mark.parametrize('kind', [VOCDataset, VOCLayoutDataset, CocoDataset])
def test_every_data_set_has_a_colour_for_each_class(tmp_path, kind, palette):
    root = write_coco(write_voc(tmp_path, CLASSES, images=3), CLASSES, images=3)
    coco = kind is CocoDataset
    files = dict(ann_file='annotations/instances_train.json', data_prefix=dict(img='train2017/'))
    lists = dict(
        ann_file='VOC2007/ImageSets/Main/train.txt', data_prefix=dict(sub_data_root='VOC2007/')
    )
    metainfo = dict(classes=CLASSES, palette=palette)
    data = kind(data_root=f'{root}/', metainfo=metainfo, **(files if coco else lists))
    assert len(get_palette(data.metainfo['palette'], len(CLASSES))) >= 5
    assert len(data) == 3  # as many images, loaded as before


def test_more_classes_than_the_types_own_palette():
    many = tuple(f'class {i}' for i in range(90))
    data = CocoDataset(metainfo=dict(classes=many), lazy_init=True)
    assert len(data.metainfo['palette']) == 90
    assert data.metainfo['palette'][:80] == CocoDataset.METAINFO['palette']
