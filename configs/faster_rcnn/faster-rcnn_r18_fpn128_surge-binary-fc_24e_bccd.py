# A small detector with SURGE: binary box head too, twice as long. Its
# auxiliary gradients are in bfloat16, which costs a quarter of a step less.
_base_ = './faster-rcnn_r18_fpn128_surge_12e_bccd.py'
part = dict(policy=dict(layer=dict(surge=dict(eta=0.1, dtype='bfloat16'))))
head = dict(
    type='surge_mmdet.BinaryShared2FCBBoxHead', policy=dict(linear=dict(surge=dict(eta=0.1)))
)
model = dict(backbone=part, neck=part, rpn_head=part, roi_head=dict(bbox_head=head))
train_cfg = dict(max_epochs=24)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
