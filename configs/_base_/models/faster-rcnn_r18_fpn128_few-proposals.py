# For seconds on a CPU, where RoIAlign and NMS run on one thread: a third of
# the proposals, half of the sampled ones positive, one point for each bin.
_base_ = './faster-rcnn_r18_fpn128.py'
proposals = dict(nms_pre=200, max_per_img=100)
model = dict(
    roi_head=dict(bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=1))),
    train_cfg=dict(rpn_proposal=proposals, rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(rpn=proposals),
)
