# 1-bit SSD300 with SURGE on BCCD, flips only.
_base_ = [
    '../_base_/models/ssd300_vgg16.py',
    '../_base_/datasets/bccd_300x300.py',
    '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py',
]
model = dict(bbox_head=dict(num_classes=3))
