# Step 1 of two: binary activations; real weights, which may decay.
_base_ = './binary-ssd-vgg16_surge-step2_8xb64-128e_in1k.py'
real = dict(layer=dict(weight_scale=dict(type='RealWeight')))
model = dict(backbone=dict(policy=real))
optim_wrapper = dict(optimizer=dict(weight_decay=1e-5))
load_from = None
