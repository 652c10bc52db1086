# 1-bit SSD300 with SURGE on COCO 2017.
_base_ = [
    '../_base_/models/ssd300_vgg16.py',
    '../_base_/datasets/ssd300_coco.py',
    '../_base_/schedules/adamw_24e.py',
    '../_base_/default_runtime.py',
]
