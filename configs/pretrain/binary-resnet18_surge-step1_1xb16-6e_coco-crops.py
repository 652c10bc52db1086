# Step 1 of two: binary activations; real weights, which may decay.
_base_ = './binary-resnet18_surge-step2_1xb16-6e_coco-crops.py'
real = dict(layer=dict(weight_scale=dict(type='RealWeight')))
model = dict(backbone=dict(policy=real))
optim_wrapper = dict(optimizer=dict(weight_decay=1e-5))
load_from = None
