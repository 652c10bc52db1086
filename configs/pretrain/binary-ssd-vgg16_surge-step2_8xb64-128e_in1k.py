# Step 2 of two: binary weights as well, from the checkpoint of step 1.
_base_ = [
    './_base_/binary-ssd-vgg16.py',
    './_base_/imagenet_224.py',
    './_base_/adam_128e.py',
    './_base_/runtime.py',
]
load_from = 'work_dirs/binary-ssd-vgg16_surge-step1_8xb64-128e_in1k/epoch_128.pth'
