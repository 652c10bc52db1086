# The real-valued twin: every layer in float32, and mmdet's ReLU between them.
_base_ = './retinanet_r18_fpn_surge_1x_coco.py'
model = dict(policy=None)
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
