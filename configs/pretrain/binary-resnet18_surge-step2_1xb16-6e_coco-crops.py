# Step 2 of two: binary weights as well, from the checkpoint of step 1.
_base_ = [
    './_base_/binary-resnet18.py',
    './_base_/coco_crops_64.py',
    './_base_/adam_6e.py',
    './_base_/runtime.py',
]
model = dict(data_preprocessor=dict(num_classes=80), head=dict(num_classes=80))
load_from = 'work_dirs/binary-resnet18_surge-step1_1xb16-6e_coco-crops/epoch_6.pth'
