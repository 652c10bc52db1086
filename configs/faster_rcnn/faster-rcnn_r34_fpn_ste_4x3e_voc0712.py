# The plain binary twin: the same layers without the auxiliary branch.
_base_ = './faster-rcnn_r34_fpn_surge_4x3e_voc0712.py'
plain = dict(layer=dict(surge=None))
model = dict(backbone=dict(policy=plain), neck=dict(policy=plain), rpn_head=dict(policy=plain))
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
