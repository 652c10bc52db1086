# The recipe: Bi-Real's surrogate, and the float twin's weights to start from
# and features to learn from (docs/guides/distillation.md).
_base_ = './faster-rcnn_r18_fpn128_ste-pkd_12e_demo-digits.py'
recipe = dict(layer=dict(activation=dict(type='SignPolynomial')))
model = dict(
    backbone=dict(policy=recipe),
    neck=dict(policy=recipe),
    rpn_head=dict(policy=recipe),
    teacher=dict(inherit=['backbone', 'neck', 'rpn_head', 'roi_head']),
)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
