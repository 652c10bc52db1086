# 1-bit SSD300 VGG-16, trained with SURGE (eta 0.1). Structure and sizes are
# mmdet's, with BN; first layer, conv7, L2Norm and predictions stay real. Input
# is divided by its deviation: std=[1, 1, 1] as for the Caffe VGG would give
# the first BN values of 255. Anchors are COCO's; VOC starts at 0.2.
model = dict(
    type='SingleStageDetector',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=1,
    ),
    backbone=dict(
        type='surge_mmdet.BinarySSDVGG',
        depth=16,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='PReLU'),
        pooling='max',
        policy=dict(layer=dict(surge=dict(eta=0.1))),
    ),
    neck=dict(
        type='surge_mmdet.BinarySSDNeck',
        in_channels=(512, 1024),
        out_channels=(512, 1024, 512, 256, 256, 256),
        level_strides=(2, 2, 1, 1),
        level_paddings=(1, 1, 0, 0),
        l2_norm_scale=20,
        norm_cfg=dict(type='BN'),
        act_cfg=dict(type='PReLU'),
        policy=dict(layer=dict(surge=dict(eta=0.1))),
    ),
    bbox_head=dict(
        type='surge_mmdet.BinarySSDHead',
        in_channels=(512, 1024, 512, 256, 256, 256),
        num_classes=80,
        policy=None,
        anchor_generator=dict(
            type='SSDAnchorGenerator',
            scale_major=False,
            input_size=300,
            basesize_ratio_range=(0.15, 0.9),
            strides=[8, 16, 32, 64, 100, 300],
            ratios=[[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        ),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0.0, 0.0, 0.0, 0.0],
            target_stds=[0.1, 0.1, 0.2, 0.2],
        ),
    ),
    train_cfg=dict(
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=0.5,
            neg_iou_thr=0.5,
            min_pos_iou=0.0,
            ignore_iof_thr=-1,
            gt_max_assign_all=False,
        ),
        sampler=dict(type='PseudoSampler'),
        smoothl1_beta=1.0,
        allowed_border=-1,
        pos_weight=-1,
        neg_pos_ratio=3,
        debug=False,
    ),
    test_cfg=dict(
        nms_pre=1000,
        nms=dict(type='nms', iou_threshold=0.45),
        min_bbox_size=0,
        score_thr=0.02,
        max_per_img=200,
    ),
)
