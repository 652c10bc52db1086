# The small detector that is shipped: binary box head too.
_base_ = './faster-rcnn_r18_fpn128_surge_12e_demo-digits.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            type='surge_mmdet.BinaryShared2FCBBoxHead',
            policy=dict(linear=dict(surge=dict(eta=0.3))),
        )
    )
)
