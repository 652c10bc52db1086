# The real-valued twin: the same structure, every layer in float32.
_base_ = './ssd512_vgg16_surge_24x10e_voc0712.py'
model = dict(backbone=dict(policy=None), neck=dict(policy=None))
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
