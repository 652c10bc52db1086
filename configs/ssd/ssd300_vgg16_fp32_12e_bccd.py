# The real-valued twin: the same structure, every layer in float32.
_base_ = './ssd300_vgg16_surge_12e_bccd.py'
model = dict(backbone=dict(policy=None), neck=dict(policy=None))
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
