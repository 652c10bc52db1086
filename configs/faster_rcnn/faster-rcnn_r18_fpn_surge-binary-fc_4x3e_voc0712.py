# SURGE in the box head's two shared FC layers too.
_base_ = './faster-rcnn_r18_fpn_surge_4x3e_voc0712.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            type='surge_mmdet.BinaryShared2FCBBoxHead',
            policy=dict(linear=dict(surge=dict(eta=0.1))),
        )
    )
)
