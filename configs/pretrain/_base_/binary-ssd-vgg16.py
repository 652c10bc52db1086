# Binary VGG-16 of SSD as a classifier, on the 1024 channels of its conv7.
_base_ = './binary-resnet18.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='surge_mmdet.BinarySSDVGG',
        depth=16,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='PReLU'),
        pooling='max',
        policy=dict(layer=dict(surge=dict(eta=0.1))),
    ),
    head=dict(in_channels=1024),
)
