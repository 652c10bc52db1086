# 1-bit Faster R-CNN with SURGE on PASCAL VOC 2007+2012, input 1000x600.
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn.py',
    '../_base_/datasets/voc0712.py',
    '../_base_/schedules/adamw_4x3e.py',
    '../_base_/default_runtime.py',
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=20)))
