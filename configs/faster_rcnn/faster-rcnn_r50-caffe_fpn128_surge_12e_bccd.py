# ResNet-50 on BCCD, made for a real-valued start from Caffe-style weights
# (stride in the first 1x1, input BGR without division): set
# model.backbone.init_cfg to dict(type='Pretrained', checkpoint=FILE).
_base_ = './faster-rcnn_r18_fpn128_surge_12e_bccd.py'
model = dict(
    data_preprocessor=dict(mean=[103.939, 116.779, 123.68], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(depth=50, style='caffe'),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)
