# The plain binary twin: the same layers without the auxiliary branch.
_base_ = './faster-rcnn_r18_c4_surge_1x_coco.py'
plain = dict(layer=dict(surge=None))
model = dict(
    backbone=dict(policy=plain),
    rpn_head=dict(policy=plain),
    roi_head=dict(shared_head=dict(policy=plain)),
)
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
