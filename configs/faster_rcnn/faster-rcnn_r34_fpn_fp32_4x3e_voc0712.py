# The real-valued twin: the same structure, every layer in float32.
_base_ = './faster-rcnn_r34_fpn_surge_4x3e_voc0712.py'
model = dict(backbone=dict(policy=None), neck=dict(policy=None), rpn_head=dict(policy=None))
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
