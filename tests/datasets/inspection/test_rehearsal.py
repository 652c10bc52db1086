import copy

import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.logging import MMLogger
from small_data import CLASSES, edit_coco, write_coco, write_image, write_list, write_voc, write_xml

from surge_mmdet.datasets.inspection import inspect, sources_of

LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]
META = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances')
PACK = dict(type='PackDetInputs', meta_keys=META)
RESIZE = dict(type='Resize', scale=(64, 64), keep_ratio=True)


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path)


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


def loader(dataset: dict, **changes) -> dict:
    return dict(
        batch_size=2,
        num_workers=2,
        persistent_workers=True,
        prefetch_factor=2,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dataset,
        **changes,
    )


def leaf(root, split: str, **changes) -> dict:
    """A data set of a COCO or VOC folder, whichever ``root`` has."""
    is_coco = (root / 'annotations').exists()
    names = (
        dict(
            type='surge_mmdet.CocoDataset',
            ann_file=f'annotations/instances_{split}2017.json',
            data_prefix=dict(img=f'{split}2017/'),
        )
        if is_coco
        else dict(
            type='surge_mmdet.VOCLayoutDataset',
            ann_file=f'ImageSets/Main/{split}.txt',
            data_prefix=dict(sub_data_root=''),
        )
    )
    return (
        dict(
            data_root=f'{root}/',
            metainfo=dict(classes=CLASSES),
            test_mode=split == 'val',
            pipeline=[LOAD[0], RESIZE, LOAD[1], PACK],
            **names,
        )
        | changes
    )


def config(root) -> Config:
    return Config(
        dict(
            train_dataloader=loader(leaf(root, 'train')),
            val_dataloader=loader(leaf(root, 'val')),
            val_evaluator=dict(type='CocoMetric', metric='bbox'),
        )
    )


def check(cfg: Config, **options) -> tuple:
    sources = sources_of(cfg)
    shared = inspect(sources, cfg=cfg, **options)
    return [source.found for source in sources], shared


def test_a_sound_config_has_no_finding(voc):
    assert check(config(voc)) == ([{}, {}], {})


def test_a_sound_coco_config_has_no_finding(coco):
    cfg = config(coco)
    cfg.val_evaluator.ann_file = f'{coco}/annotations/instances_val2017.json'
    assert check(cfg) == ([{}, {}], {})


def test_the_config_stays_as_it_was(voc):
    cfg = config(voc)
    before = copy.deepcopy(cfg._cfg_dict.to_dict())
    check(cfg)
    assert cfg._cfg_dict.to_dict() == before


def test_the_log_speaks_afterwards(voc):
    level = MMLogger.get_current_instance().level
    check(config(voc))
    assert MMLogger.get_current_instance().level == level


@pytest.mark.parametrize('times, images', [(1, 2), (3, 6)])
def test_fewer_images_than_a_batch(voc, times, images):
    cfg = config(voc)
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=times, dataset=leaf(voc, 'train')
    )
    cfg.train_dataloader.batch_size = 8
    assert check(cfg) == ([{}, {}], {})
    cfg.train_dataloader.drop_last = True
    ((case,),) = check(cfg)[1].values()
    assert case == (
        f'train_dataloader: {images} images, but batch_size=8. Write --cfg-options '
        f'train_dataloader.batch_size={images}'
    )
    cfg.merge_from_dict({'train_dataloader.batch_size': images})
    assert check(cfg)[1] == {}


def concat(cfg: Config, *parts: dict, **options) -> Config:
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=list(parts), **options)
    return cfg


@pytest.mark.parametrize(
    'metainfo, line',
    [
        (
            dict(classes=CLASSES, palette=[(1, 1, 1), (2, 2, 2)]),
            "Write ignore_keys=['palette'] beside datasets=[...]",
        ),
        (
            dict(classes=CLASSES[::-1]),
            "Write metainfo=dict(classes=('cat', 'dog')) in each part",
        ),
    ],
)
def test_parts_with_other_metainfo(voc, metainfo, line):
    write_list(voc, 'more', ['a'])
    parts = leaf(voc, 'train'), leaf(voc, 'more', metainfo=metainfo)
    _, shared = check(concat(config(voc), *parts))
    assert list(shared) == ['parts_differ']
    assert shared['parts_differ'][0].endswith(line)


def test_keys_that_are_ignored_as_advised(voc):
    write_list(voc, 'more', ['a'])
    other = dict(classes=CLASSES, palette=[(1, 1, 1), (2, 2, 2)])
    parts = leaf(voc, 'train'), leaf(voc, 'more', metainfo=other)
    assert check(concat(config(voc), *parts, ignore_keys=['palette']))[1] == {}


def test_an_evaluator_for_each_part_takes_their_metainfo(voc):
    write_list(voc, 'more', ['c'])
    parts = [
        leaf(voc, split, metainfo=dict(classes=CLASSES, palette=palette), test_mode=True)
        for split, palette in (('val', [(1, 1, 1)] * 2), ('more', [(2, 2, 2)] * 2))
    ]
    cfg = config(voc)
    cfg.val_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)
    assert list(check(cfg)[1]) == ['parts_differ']
    metrics = [dict(type='CocoMetric', prefix=name) for name in 'ab']
    cfg.val_evaluator = dict(
        _delete_=True, type='MultiDatasetsEvaluator', metrics=metrics, dataset_prefixes=['a', 'b']
    )
    assert check(cfg)[1] == {}


def test_pipeline_that_stops_is_named(voc):
    cfg = config(voc)
    cfg.train_dataloader.dataset.pipeline[2]['with_mask'] = True
    found = check(cfg)[1]
    assert list(found) == ['no_mask']
    assert 'a.jpg, 2 objects' in found['no_mask'][0]
    cfg = config(voc)
    cfg.train_dataloader.dataset.pipeline.insert(1, dict(type='RandomCrop', crop_size=(0, 0)))
    (case,) = check(cfg)[1]['first_batch']
    assert case.startswith('train_dataloader: ')


def test_every_image_dropped_by_the_pipeline(voc):
    cfg = config(voc)
    strict = dict(type='FilterAnnotations', min_gt_bbox_wh=(999, 999), keep_empty=True)
    cfg.train_dataloader.dataset.pipeline.insert(-1, strict)
    (case,) = check(cfg)[1]['first_batch']
    assert 'Cannot find valid image' in case


def test_images_are_not_opened_if_not_asked_for(voc):
    for path in (voc / 'JPEGImages').iterdir():
        path.write_bytes(b'no image')
    assert check(config(voc), open_images=False) == ([{}, {}], {})


def test_evaluator_without_what_it_needs(voc):
    cfg = config(voc)
    cfg.val_dataloader.dataset.pipeline[-1]['meta_keys'] = META[:-1]
    (case,) = check(cfg)[1]['first_evaluation']
    assert case.startswith('val_evaluator, CocoMetric: AssertionError: ground truth is required')


def test_evaluator_whose_file_has_other_images(coco):
    edit_coco(coco, 'val', lambda content: content['images'][0].update(id=77))
    edit_coco(coco, 'val', lambda content: [a.update(image_id=77) for a in content['annotations']])
    cfg = config(coco)
    cfg.val_evaluator.ann_file = f'{coco}/annotations/instances_train2017.json'
    found, shared = check(cfg)
    assert list(found[1]) == ['evaluator'] and shared == {}  # told before it is tried


def test_evaluators_write_nothing(voc, tmp_path):
    cfg = config(voc)
    cfg.val_evaluator = [
        dict(type='CocoMetric', outfile_prefix=f'{tmp_path}/results/a'),
        dict(type='CocoMetric', format_only=True, outfile_prefix=f'{tmp_path}/results/b'),
        dict(type='DumpDetResults', out_file_path=f'{tmp_path}/results/c.pkl'),
        dict(type='VOCMetric'),
    ]
    assert check(cfg)[1] == {}
    assert not (tmp_path / 'results').exists()


def test_list_without_annotations_to_predict_for(coco):
    edit_coco(coco, 'val', lambda content: content.pop('annotations'))
    cfg = config(coco)
    found, _ = check(cfg)
    (case,) = found[1]['broken_json']
    assert 'the file lacks annotations. To predict without evaluation, write' in case
    cfg.val_evaluator.update(format_only=True, outfile_prefix='nowhere/a')
    assert check(cfg) == ([{}, {}], {})


def ignore_all(coco, split: str, names=CLASSES) -> None:
    def change(content):
        for each in content['annotations']:
            each['iscrowd'] = int(CLASSES[each['category_id'] - 1] in names)

    edit_coco(coco, split, change)


@pytest.mark.parametrize(
    'split, code', [('train', 'nothing_to_learn'), ('val', 'nothing_to_evaluate')]
)
def test_every_object_is_ignored(coco, split, code):
    ignore_all(coco, split)
    found, shared = check(config(coco))
    assert list(shared) == [code]
    assert f'{split}: annotations/instances_{split}2017.json, where ' in shared[code][0]
    assert found[split == 'val'] == {'class_ignored': found[split == 'val']['class_ignored']}


def test_every_object_of_one_class_is_ignored(coco):
    ignore_all(coco, 'train', ['dog'])
    found, shared = check(config(coco))
    assert found[0] == {'class_ignored': ['dog, 4 objects']} and shared == {}


def test_one_sound_part_is_enough_to_learn_from(voc):
    write_list(voc, 'more', ['b'])
    write_xml(voc / 'Annotations/b.xml', difficult=1)
    write_list(voc, 'train', ['a'])
    _, shared = check(concat(config(voc), leaf(voc, 'train'), leaf(voc, 'more')))
    assert shared == {}


def test_classes_in_another_order_for_the_evaluation(voc):
    cfg = config(voc)
    cfg.val_dataloader.dataset.metainfo.classes = CLASSES[::-1]
    (case,) = check(cfg)[1]['label_order']
    assert case == (
        "label 0 is 'cat' in train, but 'dog' in val: the numbers would mean other classes. "
        "Write metainfo=dict(classes=('cat', 'dog')) in val_dataloader.dataset."
    )


def test_same_list_with_other_classes_is_seen(voc):
    cfg = config(voc)
    cfg.test_dataloader = copy.deepcopy(cfg.val_dataloader)
    cfg.test_dataloader.dataset.metainfo.classes = CLASSES[::-1]
    assert list(check(cfg)[1]) == ['label_order']


@pytest.mark.parametrize(
    'name', ['retinanet_r18_fpn_surge_1x_coco', 'yolox_s_surge_8xb8-300e_coco']
)
def test_configs_on_mmdets_bases(coco, name, monkeypatch):
    for path in coco.glob('*2017/*.jpg'):
        write_image(path, (100, 80))  # three channels are not needed
    monkeypatch.setenv('COCO_ROOT', f'{coco}/')
    cfg = Config.fromfile(ROOT / f'configs/binarized/{name}.py')
    for role in ('train', 'val', 'test'):
        node = cfg[f'{role}_dataloader']
        while 'ann_file' not in node:
            node = node.dataset
        node.metainfo = dict(classes=CLASSES)
    assert list(check(cfg)[1]) == ['head_classes']  # the base's head has COCO's 80
    cfg.model.bbox_head.num_classes = len(CLASSES)
    found, shared = check(cfg)
    assert shared == {} and not any(each.at_level('error') for each in found)
