# Do the findings of field_bccd.py hold elsewhere: on the demo data, and on COCO's
# photographs of VOC's 20 classes? On a small part of COCO nothing is detected well.
configs = {
    'digits': 'configs/ablation/faster-rcnn_r18_fpn128_surge_24e_demo-digits.py',
    'coco20': 'configs/ablation/faster-rcnn_r18_fpn64_surge_24e_coco20-160x120.py',
}
modules = ('backbone', 'neck', 'rpn_head')
loss = dict(type='surge_mmdet.PKD', weight=6.0, levels=[0, 1, 2, 3])
whole = dict(
    teacher='fp32', distillation=[loss], inherit=['backbone', 'neck', 'rpn_head', 'roi_head']
)
methods = (
    'fp32',
    'ste',
    'surge',
    {'polynomial + PKD + inherit': dict(method='polynomial', **whole)},
)
baseline = 'ste'
tune_seed = 0
seeds = (1, 2, 3)
optimizers = {
    'AdamW': dict(
        optimizer=dict(type='AdamW', weight_decay=0.0, fused=True),
        lrs=(3e-3,),  # the best one of each of these on BCCD
    ),
}
