# Binary ResNet-18 classifier with SURGE (eta 0.1); stem, shortcuts and the
# linear layer stay real.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        num_classes=1000, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
    backbone=dict(
        type='surge_mmdet.BinaryResNet',
        depth=18,
        out_indices=(3,),
        act_cfg=dict(type='PReLU'),
        policy=dict(layer=dict(surge=dict(eta=0.1))),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=1000, in_channels=512),
)
