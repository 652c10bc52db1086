# 1-bit SSD512 with SURGE on PASCAL VOC 2007+2012.
_base_ = [
    '../_base_/models/ssd512_vgg16.py',
    '../_base_/datasets/ssd512_voc0712.py',
    '../_base_/schedules/adamw_24e.py',
    '../_base_/default_runtime.py',
]
anchors = dict(basesize_ratio_range=(0.15, 0.9))
model = dict(bbox_head=dict(num_classes=20, anchor_generator=anchors))
