# Step 2 of two: binary weights as well, from the checkpoint of step 1.
_base_ = './binary-resnet18_surge-step2_8xb64-128e_in1k.py'
model = dict(backbone=dict(depth=34))
load_from = 'work_dirs/binary-resnet34_surge-step1_8xb64-128e_in1k/epoch_128.pth'
