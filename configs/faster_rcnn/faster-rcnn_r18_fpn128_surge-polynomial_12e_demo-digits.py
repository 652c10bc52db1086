# SURGE beside Bi-Real's polynomial surrogate instead of the clipped STE.
_base_ = './faster-rcnn_r18_fpn128_surge_12e_demo-digits.py'
polynomial = dict(layer=dict(activation=dict(type='SignPolynomial')))
model = dict(
    backbone=dict(policy=polynomial), neck=dict(policy=polynomial), rpn_head=dict(policy=polynomial)
)
