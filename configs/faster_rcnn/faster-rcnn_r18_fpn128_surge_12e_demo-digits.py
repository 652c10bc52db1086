# 1-bit Faster R-CNN with SURGE on the embedded demo data (no download).
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn128_demo.py',
    '../_base_/datasets/demo_digits.py',
    '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(lr=2e-3))
# A look at the validation images while the training goes on.
default_hooks = dict(detection_picture=dict(type='surge_mmdet.DetectionPictureHook'))
