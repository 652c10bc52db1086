# The recipe: Bi-Real's surrogate, and the float twin's weights to start from
# and features to learn from (docs/guides/distillation.md).
_base_ = './retinanet_r18_fpn_surge_1x_coco.py'
model = dict(
    type='surge_mmdet.DistilledDetector',
    student='surge_mmdet.BinarizedDetector',
    policy=dict(layer=dict(surge=None, activation=dict(type='SignPolynomial'))),
    teacher=dict(
        config='configs/binarized/retinanet_r18_fpn_fp32_1x_coco.py',
        inherit=['backbone', 'neck', 'bbox_head'],
    ),
    distillation=[dict(type='surge_mmdet.PKD', weight=10.0, levels=[0, 1, 2, 3])],
)
default_hooks = dict(ags=dict(_delete_=True, type='surge_mmdet.NonFiniteStepHook'))
