# Step 1 of two: binary activations; real weights, which may decay.
_base_ = './binary-resnet18_surge-step1_8xb64-128e_in1k.py'
model = dict(backbone=dict(depth=34))
