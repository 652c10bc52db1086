import cv2
import mmcv
import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from small_data import (
    HEIGHT,
    WIDTH,
    check_coco,
    check_voc,
    edit_coco,
    write_coco,
    write_image,
    write_list,
    write_voc,
    write_xml,
)

from surge_mmdet.datasets.inspection import inspect, sources_of
from surge_mmdet.datasets.inspection.annotations import Box
from surge_mmdet.datasets.inspection.classes import check_heads, nearest
from surge_mmdet.datasets.inspection.findings import Findings
from surge_mmdet.datasets.inspection.images import open_image
from surge_mmdet.datasets.inspection.inspect import box_problem


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path)


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


def found_voc(base, **options) -> dict:
    (train, _), _ = check_voc(base.parent, **options)
    return train.found


@pytest.mark.parametrize(
    'corners, is_voc, code',
    [
        ((0, 0, 100, 80), True, ''),
        ((0, 0, 1, 1), True, ''),
        ((10, 10, 10, 40), True, 'no_area'),
        ((10, 10, 40, 10), True, 'no_area'),
        ((40, 10, 10, 40), True, 'no_area'),
        ((10, 10, 10.6, 40), False, 'no_area'),  # mmdet drops width below 1
        ((-1, 0, 50, 50), True, 'zero_based'),
        ((0, -1, 50, 50), True, 'zero_based'),
        ((-1, 0, 50, 50), False, 'beyond'),
        ((-5, 0, 50, 50), True, 'beyond'),
        ((0, 0, 101, 80), True, 'beyond'),
        ((0, 0, 100.3, 80), False, ''),
        ((0, 0, 100, 81), True, 'beyond'),
        ((100, 0, 120, 50), True, 'outside'),
        ((0, 80, 50, 120), True, 'outside'),
        ((-50, 0, -2, 50), True, 'outside'),
        ((0, -50, 50, -2), True, 'outside'),
    ],
)
def test_box_problem(corners, is_voc, code):
    box = Box('cat', corners, False, list(corners))
    assert box_problem(box, (WIDTH, HEIGHT), is_voc) == code


def test_boxes_are_reported_as_the_file_has_them(voc):
    write_xml(voc / 'Annotations/a.xml', [('cat', 30, 30, 30, 70), ('dog', 1, 1, 20, 20)])
    assert found_voc(voc) == {'no_area': ['a: cat (30, 30, 30, 70) in 100x80']}


@pytest.mark.parametrize('open_images', [True, False])
def test_image_that_is_not_there(voc, open_images):
    (voc / 'JPEGImages/b.jpg').unlink()
    assert found_voc(voc, open_images=open_images) == {'no_image': ['VOC2007/JPEGImages/b.jpg']}


def test_image_of_another_format_is_named(voc):
    (voc / 'JPEGImages/b.jpg').unlink()
    write_image(voc / 'JPEGImages/b.png')
    (case,) = found_voc(voc)['no_image']
    assert case.endswith('b.jpg (there is b.png: mmdet reads .jpg here)')


@pytest.mark.parametrize('keep', [0, 20, 1500])
def test_image_that_was_cut_off(voc, keep):
    path = voc / 'JPEGImages/b.jpg'
    content = path.read_bytes()
    assert len(content) > 2000
    path.write_bytes(content[:keep])
    (case,) = found_voc(voc)['broken_image']
    assert case.startswith('b: ')
    assert found_voc(voc, open_images=False) == {}


def test_large_images_are_no_attack(voc, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    with pytest.raises(Image.DecompressionBombError), Image.open(voc / 'JPEGImages/a.jpg'):
        pass
    assert found_voc(voc) == {}
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize('suffix', ['.hdr', '.png', '.webp', '.gif', '.ppm'])
def test_what_counts_is_the_trainings_decoder(voc, suffix):
    path = voc / 'JPEGImages/a.jpg'
    image = np.random.default_rng(0).random((HEIGHT, WIDTH, 3))
    other = path.with_suffix(suffix)
    if suffix == '.gif':
        Image.fromarray((255 * image).astype(np.uint8)).save(other)
    else:
        image = image.astype(np.float32) if suffix == '.hdr' else (255 * image).astype(np.uint8)
        assert cv2.imwrite(str(other), image)
    other.rename(path)
    readable = mmcv.imfrombytes(path.read_bytes()) is not None
    found = found_voc(voc)
    assert found == ({} if readable else {'broken_image': found['broken_image']})


def test_more_pixels_than_the_trainings_decoder_takes(voc):
    # The header of a PNG says 40000x40000; nothing decodes that much.
    path = voc / 'JPEGImages/a.jpg'
    Image.new('1', (40_000, 40_000)).save(path, 'PNG')
    (case,) = found_voc(voc)['broken_image']
    assert case == 'a: PNG of 40000x40000: OpenCV cannot read it'


def test_size_that_is_not_the_images(voc):
    write_xml(voc / 'Annotations/a.xml', width=640, height=480)
    assert found_voc(voc) == {'size': ['a: 640x480, but the image has 100x80']}


def test_size_zero_leaves_nothing_to_train_on(voc):
    for name in 'ab':
        write_xml(voc / f'Annotations/{name}.xml', width=0, height=0)
    assert found_voc(voc)['unused'] == ['VOC2007/ImageSets/Main/train.txt']


def test_turned_photographs_have_the_size_that_mmdet_sees(tmp_path):
    from mmcv.transforms import LoadImageFromFile

    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / 'phone.jpg'
    write_image(path, (WIDTH, HEIGHT), exif=exif)
    photo = type('Photo', (), dict(path=str(path), name='phone'))
    seen = LoadImageFromFile()(dict(img_path=str(path)))['img']
    assert open_image(photo) == (*np.shape(seen)[1::-1], True)
    assert np.shape(seen)[:2] == (WIDTH, HEIGHT)


def test_turned_photographs_are_named(voc):
    exif = Image.Exif()
    exif[274] = 3
    write_image(voc / 'JPEGImages/a.jpg', exif=exif)
    assert found_voc(voc) == {'turned': ['a']}


@pytest.mark.parametrize(
    'name, near',
    [
        ('Dog', 'dog'),
        ('airplane', 'aeroplane'),
        ('chairs', 'chair'),
        ('Potted_plant', 'pottedplant'),
        ('zebra', ''),
        ('hog', ''),
    ],
)
def test_nearest(name, near):
    classes = ('aeroplane', 'dog', 'chair', 'pottedplant')
    assert nearest(name, classes) == near


def test_spelling_that_loses_a_class_is_an_error(voc):
    (train, _), _ = check_voc(voc.parent, ('cat', 'Dog'))
    assert train.found['class_spelling'] == ["'dog', 2 objects; the nearest class is 'Dog'"]
    assert train.found['class_absent'] == ['Dog']
    assert train.found.at_level('error') == ['class_spelling']


def test_classes_left_out_on_purpose_are_a_warning(voc):
    (train, _), _ = check_voc(voc.parent, ('cat',))
    assert train.found == {'class_unknown': ["'dog', 2 objects"]}
    assert not train.found.at_level('error')


def test_no_class_fits(voc):
    (train, _), _ = check_voc(voc.parent, ('ship',))
    assert train.found['no_class'] == ["Write metainfo=dict(classes=('cat', 'dog'))."]


def test_benchmark_lists_of_another_length(tmp_path):
    for year in ('VOC2007', 'VOC2012'):
        base = write_voc(tmp_path, year, {'trainval': 'ab', 'test': 'c'})
        for path in (base / 'Annotations').iterdir():
            write_xml(path, [('person', 10, 10, 50, 60)])
    sources, _ = check_voc(tmp_path, ())
    assert [s.found['not_published'] for s in sources] == [
        ['2 images, published are 5011'],
        ['2 images, published are 11540'],
        ['1 images, published are 4952'],
    ]
    assert not any(s.found.at_level('error') for s in sources)


def test_same_photograph_in_training_and_evaluation(voc):
    write_list(voc, 'val', ('b', 'c'))
    _, shared = check_voc(voc.parent)
    assert shared == {
        'overlap': ['b, in VOC2007/ImageSets/Main/train.txt and in VOC2007/ImageSets/Main/val.txt']
    }


def test_same_photograph_by_a_link(coco):
    (coco / 'val2017/c.jpg').unlink()
    (coco / 'val2017/c.jpg').symlink_to(coco / 'train2017/a.jpg')
    _, shared = check_coco(coco)
    assert list(shared) == ['overlap']


def test_what_only_mmdet_refuses_is_an_error_too(coco, monkeypatch):
    from surge_mmdet.datasets import CocoDataset

    def refuse(self):
        raise RuntimeError('no')

    monkeypatch.setattr(CocoDataset, 'full_init', refuse)
    (train, _), _ = check_coco(coco)
    assert train.found == {'refused': ['annotations/instances_train2017.json: RuntimeError: no']}


def test_used_are_the_images_that_mmdets_filter_leaves(coco):
    def change(content):
        content['annotations'] = content['annotations'][:3]

    edit_coco(coco, 'train', change)
    (train, _), _ = check_coco(coco)
    assert len(train.photos) == 2 and train.used['images'] == 1


def evaluated(coco, ann_file) -> list:
    leaf = dict(
        type='surge_mmdet.CocoDataset',
        data_root=f'{coco}/',
        metainfo=dict(classes=('cat', 'dog')),
        test_mode=True,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
    )
    sources = sources_of(
        Config(
            dict(
                val_dataloader=dict(dataset=leaf),
                val_evaluator=dict(type='CocoMetric', ann_file=ann_file),
            )
        )
    )
    inspect(sources)
    return sources


def test_evaluator_of_another_file(coco):
    own = f'{coco}/annotations/instances_val2017.json'
    (source,) = evaluated(coco, own)
    assert source.found == {}
    (source,) = evaluated(coco, 'data/coco/annotations/other.json')
    assert source.found['evaluator'] == [
        'val_evaluator reads data/coco/annotations/other.json. Write '
        f'--cfg-options val_evaluator.ann_file={own}'
    ]


@pytest.mark.parametrize(
    'model, places',
    [
        (None, []),
        (dict(bbox_head=dict(num_classes=2), backbone=dict(num_classes=-1)), []),
        (dict(rpn_head=dict(num_classes=1), roi_head=dict(bbox_head=dict(num_classes=2))), []),
        (dict(roi_head=dict(semantic_head=dict(num_classes=183))), []),
        (dict(detector=dict(bbox_head=dict(num_classes=80))), ['detector.bbox_head']),
        (
            dict(roi_head=dict(bbox_head=[dict(num_classes=2), dict(num_classes=3)])),
            ['roi_head.bbox_head.1'],
        ),
        (
            dict(roi_head=dict(bbox_head=dict(num_classes=3), mask_head=dict(num_classes=4))),
            ['roi_head.bbox_head', 'roi_head.mask_head'],
        ),
    ],
)
def test_heads_are_found_wherever_they_are(model, places, voc):
    sources, _ = check_voc(voc.parent)
    check_heads(model, sources, found := Findings())
    assert [
        case.partition('.num_classes is')[0] for case in found.get('head_classes', [])
    ] == places
