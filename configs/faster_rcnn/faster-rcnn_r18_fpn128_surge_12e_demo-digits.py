# 1-bit Faster R-CNN with SURGE on the embedded demo data (no download).
_base_ = [
    '../_base_/models/faster-rcnn_r18_fpn128.py',
    '../_base_/datasets/demo_digits.py',
    '../_base_/schedules/adamw_12e.py',
    '../_base_/default_runtime.py',
]
# Half the proposals, half of them positive: RoIAlign is slow on a CPU.
sampler = dict(num=64, pos_fraction=0.5)
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=10)), train_cfg=dict(rcnn=dict(sampler=sampler))
)
optim_wrapper = dict(optimizer=dict(lr=2e-3))
