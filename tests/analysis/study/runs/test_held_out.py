"""Tuning within the training split: no image is seen twice, and AP is that of the part."""

import pytest
from conftest import ROOT, tiny_config
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from surge_mmdet.analysis.study.runs.held_out import PART, tune_within_training

VOC = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
COCO = 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge_1x_coco.py'
REPEATED = 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge_4x3e_voc0712.py'
SHARE = 0.5


def tuned(path: str, folder) -> Config:
    cfg = Config.fromfile(tiny_config(ROOT / path, folder))
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.num_workers = 0
    tune_within_training(cfg, SHARE)
    return Config.fromstring(cfg.pretty_text, '.py')  # as a run reads it


def image_ids(loader) -> set:
    init_default_scope('mmdet')
    batches = Runner.build_dataloader(dict(loader, batch_sampler=None), seed=0)
    return {sample.img_id for batch in batches for sample in batch['data_samples']}


@pytest.mark.parametrize('path', [VOC, COCO])
def test_training_and_validation_share_no_image(tmp_path, path):
    cfg = tuned(path, tmp_path)
    train, val = image_ids(cfg.train_dataloader), image_ids(cfg.val_dataloader)
    assert train and val and not train & val
    everything = Config.fromfile(tmp_path / path.rsplit('/', 1)[-1]).train_dataloader
    assert train | val == image_ids(dict(everything, num_workers=0))


@pytest.mark.parametrize('path', [VOC, COCO])
def test_perfect_detections_of_the_part_have_an_ap_of_one(tmp_path, path):
    import torch
    from mmdet.registry import METRICS
    from mmengine.structures import InstanceData

    cfg = tuned(path, tmp_path)
    init_default_scope('mmdet')
    batches = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    metric = METRICS.build(cfg.val_evaluator)
    metric.dataset_meta = batches.dataset.metainfo
    for batch in batches:
        for sample in batch['data_samples']:
            boxes = torch.tensor([each['bbox'] for each in sample.instances])
            labels = torch.tensor([each['bbox_label'] for each in sample.instances])
            sample.pred_instances = InstanceData(
                bboxes=boxes, labels=labels, scores=torch.ones(len(labels))
            )
        metric.process(batch, [sample.to_dict() for sample in batch['data_samples']])
    assert metric.evaluate(len(batches.dataset))['coco/bbox_mAP'] == 1.0


def test_the_reported_split_is_no_part_of_a_tuning_run(tmp_path):
    cfg = tuned(VOC, tmp_path)
    text = Config(dict(train=cfg.train_dataloader, val=cfg.val_dataloader)).pretty_text
    assert 'Main/train.txt' in text and 'Main/val.txt' not in text
    assert 'filter_cfg' not in Config(dict(val=cfg.val_dataloader)).pretty_text


def test_wrapped_data_sets_are_parted_inside_their_wrappers():
    cfg = Config.fromfile(ROOT / REPEATED)
    sources = cfg.train_dataloader.dataset.dataset.datasets
    tune_within_training(cfg, SHARE)
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    assert train.type == 'RepeatDataset' and train.times == 3
    assert [part.type for part in train.dataset.datasets] == [PART] * 2
    assert [part.dataset.ann_file for part in val.datasets] == [each.ann_file for each in sources]
    assert all(part.rest and part.dataset.test_mode for part in val.datasets)
