# The recipe: Bi-Real's surrogate, and the float twin's weights to start from
# and features to learn from (docs/guides/distillation.md).
_base_ = './ssd300_vgg16_ste-pkd_24x5e_coco.py'
recipe = dict(layer=dict(activation=dict(type='SignPolynomial')))
model = dict(
    backbone=dict(policy=recipe),
    neck=dict(policy=recipe),
    teacher=dict(inherit=['backbone', 'neck', 'bbox_head']),
)
