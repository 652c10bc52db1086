# One-step pretraining on crops of COCO boxes, 64x64.
_base_ = [
    './_base_/binary-resnet18.py',
    './_base_/coco_crops_64.py',
    './_base_/adam_12e.py',
    './_base_/runtime.py',
]
model = dict(data_preprocessor=dict(num_classes=80), head=dict(num_classes=80))
