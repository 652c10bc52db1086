# BiDet's structure (arXiv 2003.03961): no pyramid; the region proposals and
# RoIAlign read the stride-16 map of layer3, and layer4 runs on each region.
# Anchors, numbers of proposals and class-agnostic boxes are those of BiDet's
# code for VOC; losses are mmdet's, to which the ste-bidet configs add BiDet's.
_base_ = './faster-rcnn_r18_fpn.py'
model = dict(
    backbone=dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,)),
    neck=None,
    rpn_head=dict(feat_channels=512, anchor_generator=dict(scales=[8, 16, 32], strides=[16])),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=[16]),
        shared_head=dict(
            type='surge_mmdet.BinaryResLayer',
            depth=18,
            stage=3,
            stride=2,
            norm_cfg=dict(type='BN', requires_grad=True),
            norm_eval=False,
            act_cfg=dict(type='PReLU'),
            policy=dict(layer=dict(surge=dict(eta=0.1))),
        ),
        bbox_head=dict(
            _delete_=True,
            type='BBoxHead',
            with_avg_pool=True,
            # 7x7 regions, halved by layer4
            roi_feat_size=4,
            in_channels=512,
            num_classes=80,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder',
                target_means=[0.0, 0.0, 0.0, 0.0],
                target_stds=[0.1, 0.1, 0.2, 0.2],
            ),
            reg_class_agnostic=True,
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            loss_bbox=dict(type='L1Loss', loss_weight=1.0),
        ),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=12000, max_per_img=2000), rcnn=dict(sampler=dict(num=256))
    ),
    test_cfg=dict(rpn=dict(nms_pre=6000, max_per_img=300), rcnn=dict(nms=dict(iou_threshold=0.3))),
)
