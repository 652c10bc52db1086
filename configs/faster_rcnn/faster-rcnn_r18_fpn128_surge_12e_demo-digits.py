# 1-bit Faster R-CNN with SURGE on the embedded demo data (no download), in
# minutes on two cores of a CPU.
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn128_few-proposals.py',
    '../_base_/datasets/demo_digits.py',
    '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py',
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=10)))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
default_hooks = dict(detection_picture=dict(type='surge_mmdet.DetectionPictureHook'))
