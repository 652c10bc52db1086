# The field side by side: each binary method alone and with SURGE on top.
# Every rate is tried on the tuning seed, within the training split; the best
# one is trained on the other seeds and validated on the val split.
config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_24e_bccd-160x120.py'
modules = ('backbone', 'neck', 'rpn_head')
reactnet = {'model.backbone.act_cfg.type': 'RPReLU'}  # beside RSign
# PKD, Cao et al., NeurIPS 2022, from this plan's own real-valued runs.
pkd = dict(teacher='fp32', distillation=[dict(type='surge_mmdet.PKD', weight=6.0)])
methods = (
    'fp32',
    'ste',
    'surge',
    'polynomial',
    {
        'STE + PKD': dict(method='ste', **pkd),
        'tied + PKD': dict(method='tied', **pkd),  # the full branch is refused beside a teacher
        'polynomial + PKD': dict(method='polynomial', **pkd),
        'ReActNet': dict(method='rsign', config=reactnet),
        'ReActNet + PKD': dict(method='rsign', config=reactnet, **pkd),
    },
    'polynomial-surge',
    'ede',
    'ede-surge',
    {'ReActNet + SURGE': dict(method='rsign-surge', config=reactnet)},
    'recu',
    'recu-surge',
)
baseline = 'ste'
tune_seed = 0
seeds = (1, 2, 3)
# An interval of 0.015 AP takes about ten seeds.
ten = (4, 5, 6, 7, 8, 9, 10)
more_seeds = {
    'fp32': ten,  # the teacher
    'ste': ten,
    'surge': ten,
    'polynomial': ten,
    'STE + PKD': ten,
}
# 1e-3 cost STE 0.095 AP; the methods below are those that it might suit.
three = (1e-3, 3e-3, 1e-2)
optimizers = {
    'AdamW': dict(
        optimizer=dict(type='AdamW', weight_decay=0.0, fused=True),
        lrs=(3e-3, 1e-2),
        own={
            'fp32': three,
            'ste': three,
            'surge': three,
            'polynomial-surge': three,
            'ede-surge': three,
            'ReActNet + SURGE': three,
            'recu-surge': three,
        },
    ),
}
