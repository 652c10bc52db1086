# The plain binary twin: the same layers without the auxiliary branch.
_base_ = './ssd300_vgg16_surge_24x5e_coco.py'
plain = dict(layer=dict(surge=None))
model = dict(backbone=dict(policy=plain), neck=dict(policy=plain))
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
