# 1-bit Faster R-CNN with SURGE on BCCD, input 320x240.
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn128.py',
    '../_base_/datasets/bccd_320x240.py',
    '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py',
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))
