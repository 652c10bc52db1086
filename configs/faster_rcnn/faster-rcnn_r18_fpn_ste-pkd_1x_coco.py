# The plain binary twin, taught by its float twin: the teacher is the last
# checkpoint that a training of the fp32 config has left under work_dirs/.
_base_ = './faster-rcnn_r18_fpn_ste_1x_coco.py'
model = dict(
    type='surge_mmdet.DistilledDetector',
    student='FasterRCNN',
    teacher=dict(config='{{fileDirname}}/faster-rcnn_r18_fpn_fp32_1x_coco.py'),
    distillation=[dict(type='surge_mmdet.PKD', weight=6.0, levels=[0, 1, 2, 3])],
)
