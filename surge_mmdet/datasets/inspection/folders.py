"""What a folder is read for, where no config says it."""

import os.path as osp

from mmengine.config import Config


def voc_config(folder: str, classes: tuple = ()) -> Config:
    """PASCAL VOC 2007+2012 in ``folder``, or own classes in its layout."""

    def part(year: str, split: str, **changes) -> dict:
        kind = 'VOCLayoutDataset' if classes else 'VOCDataset'
        meta = dict(metainfo=dict(classes=tuple(classes))) if classes else {}
        return dict(
            type=f'surge_mmdet.{kind}',
            data_root=folder,
            ann_file=f'{year}/ImageSets/Main/{split}.txt',
            data_prefix=dict(sub_data_root=f'{year}/'),
            **meta,
            **changes,
        )

    used = dict(filter_cfg=dict(filter_empty_gt=True, min_size=32))
    if classes:
        return _config([part('VOC2007', 'train', **used)], part('VOC2007', 'val', test_mode=True))
    return _config(
        [part(year, 'trainval', **used) for year in ('VOC2007', 'VOC2012')],
        part('VOC2007', 'test', test_mode=True),
    )


def coco_config(folder: str, classes: tuple = ()) -> Config:
    """COCO 2017 in ``folder``, or own classes in its format."""

    def part(split: str, **changes) -> dict:
        meta = dict(metainfo=dict(classes=tuple(classes))) if classes else {}
        return dict(
            type='surge_mmdet.CocoDataset',
            data_root=folder,
            ann_file=f'annotations/instances_{split}2017.json',
            data_prefix=dict(img=f'{split}2017/'),
            **meta,
            **changes,
        )

    # As our configs do: COCO measures an area by its mask and knows crowds.
    ann_file = osp.join(folder, 'annotations/instances_val2017.json')
    return _config(
        [part('train', filter_cfg=dict(filter_empty_gt=True, min_size=32))],
        part('val', test_mode=True),
        dict(type='CocoMetric', ann_file=ann_file),
    )


def _config(train: list, test: dict, evaluator: dict | None = None) -> Config:
    evaluators = dict(val_evaluator=evaluator, test_evaluator=evaluator) if evaluator else {}
    return Config(
        dict(
            train_dataloader=dict(dataset=dict(datasets=train)),
            val_dataloader=dict(dataset=test),
            test_dataloader=dict(dataset=test),
            **evaluators,
        )
    )
