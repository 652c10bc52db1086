# The plain binary twin, taught by its float twin: the teacher is the last
# checkpoint that a training of the fp32 config has left under work_dirs/.
_base_ = './ssd300_vgg16_ste_24x5e_coco.py'
model = dict(
    type='surge_mmdet.DistilledDetector',
    student='SingleStageDetector',
    teacher=dict(config='{{fileDirname}}/ssd300_vgg16_fp32_24x5e_coco.py'),
    distillation=[dict(type='surge_mmdet.PKD', weight=10.0, levels=[0, 1, 2, 3])],
)
