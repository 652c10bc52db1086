# COCO 2017: train2017 (repeated 5 times) to val2017, 512x512.
_base_ = ['./coco_detection.py', './ssd512_pipelines.py']
source = dict(_base_.train_dataloader.dataset, pipeline=_base_.ssd_train_pipeline)
train_dataloader = dict(
    batch_size=8,
    batch_sampler=None,
    # BN on SSD's last map, one pixel, needs more than one image.
    drop_last=True,
    dataset=dict(_delete_=True, type='RepeatDataset', times=5, dataset=source),
)
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.ssd_test_pipeline))
test_dataloader = val_dataloader
