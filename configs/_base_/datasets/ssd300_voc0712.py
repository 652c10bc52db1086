# PASCAL VOC 2007+2012 trainval (repeated 10 times) to VOC 2007 test, 300x300.
_base_ = ['./voc0712.py', './ssd300_pipelines.py']
sources = [
    dict(
        source,
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=_base_.ssd_train_pipeline,
    )
    for source in _base_.train_dataloader.dataset.dataset.datasets
]
train_dataloader = dict(
    batch_size=8,
    batch_sampler=None,
    # BN on SSD's last map, one pixel, needs more than one image.
    drop_last=True,
    dataset=dict(times=10, dataset=dict(datasets=sources)),
)
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=_base_.ssd_test_pipeline))
test_dataloader = val_dataloader
