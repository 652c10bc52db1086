# The real-valued twin: the same structure, every layer in float32.
_base_ = './faster-rcnn_r18_fpn128_surge_12e_demo-digits.py'
model = dict(backbone=dict(policy=None), neck=dict(policy=None), rpn_head=dict(policy=None))
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
