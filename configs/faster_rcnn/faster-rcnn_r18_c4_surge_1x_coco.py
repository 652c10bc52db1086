# BiDet's structure with SURGE on COCO 2017, input 1333x800.
_base_ = [
    '../_base_/models/faster-rcnn_r18_c4.py',
    '../_base_/datasets/coco_detection.py',
    '../_base_/schedules/adamw_1x.py',
    '../_base_/default_runtime.py',
]
# BiDet adds smaller anchors for COCO.
anchors = dict(scales=[4, 8, 16, 32])
model = dict(rpn_head=dict(anchor_generator=anchors))
