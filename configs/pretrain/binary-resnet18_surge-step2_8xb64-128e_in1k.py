# Step 2 of two: binary weights as well, from the checkpoint of step 1.
_base_ = './binary-resnet18_surge_8xb64-128e_in1k.py'
load_from = 'work_dirs/binary-resnet18_surge-step1_8xb64-128e_in1k/epoch_128.pth'
