# The same detector with a ResNet-34.
_base_ = './faster-rcnn_r18_fpn.py'
model = dict(backbone=dict(depth=34))
