# 1-bit Faster R-CNN with SURGE on the embedded demo data (no download), in
# minutes on two cores of a CPU.
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn128.py',
    '../_base_/datasets/demo_digits.py',
    '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py',
]
# A third of the proposals, half of the sampled ones positive, and one point
# for each bin of RoIAlign: it and NMS run on one thread.
proposals = dict(nms_pre=200, max_per_img=100)
model = dict(
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=1)), bbox_head=dict(num_classes=10)
    ),
    train_cfg=dict(rpn_proposal=proposals, rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(rpn=proposals),
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
default_hooks = dict(detection_picture=dict(type='surge_mmdet.DetectionPictureHook'))
