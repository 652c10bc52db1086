# The small detector that is shipped: the recipe with a binary box head, and
# twice as long, as its teacher.
_base_ = './faster-rcnn_r18_fpn128_recipe_12e_bccd.py'
linear = dict(surge=None, activation=dict(type='SignPolynomial'))
model = dict(
    roi_head=dict(
        bbox_head=dict(type='surge_mmdet.BinaryShared2FCBBoxHead', policy=dict(linear=linear))
    ),
    teacher=dict(config='{{fileDirname}}/faster-rcnn_r18_fpn128_fp32_24e_bccd.py'),
)
train_cfg = dict(max_epochs=24)
