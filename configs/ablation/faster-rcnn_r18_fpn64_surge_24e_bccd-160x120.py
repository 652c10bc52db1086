# The same until AP levels off: 24 epochs, the warm-up as much longer.
_base_ = './faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
train_cfg = dict(max_epochs=24, val_interval=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        convert_to_iter_based=True,
    ),
]
