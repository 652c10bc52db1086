# SSD's 24 epochs over repeated data, as mmdet and BiBench count them. The
# cosine falls until max_epochs.
_base_ = './adamw_1x.py'
train_cfg = dict(max_epochs=24)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=1000),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
        by_epoch=True,
        begin=0,
        convert_to_iter_based=True,
    ),
]
# 4 GPUs with 8 images each
auto_scale_lr = dict(base_batch_size=32)
