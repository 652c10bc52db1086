# The recipe beside its float twin, plain STE and SURGE at the BCCD configs' own
# size: on one seed, two of STE and SURGE, at the rate that field_bccd.py found best
# for each of them. And STE for as many epochs as the recipe has with its twin.
config = 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
modules = ('backbone', 'neck', 'rpn_head')
methods = (
    'fp32',
    'ste',
    'surge',
    {
        'STE, 24 epochs': dict(method='ste', config={'train_cfg.max_epochs': 24}),
        'SURGE (eta 0.3)': dict(layer=dict(surge=dict(eta=0.3))),
        'recipe': dict(
            method='polynomial',
            teacher='fp32',
            distillation=[dict(type='surge_mmdet.PKD', weight=6.0, levels=[0, 1, 2, 3])],
            inherit=['backbone', 'neck', 'rpn_head', 'roi_head'],
        ),
    },
)
baseline = 'ste'
tune_seed = 0
seeds = (1,)
more_seeds = {'ste': (2,), 'surge': (2,)}
optimizers = {
    'AdamW': dict(
        optimizer=dict(type='AdamW', weight_decay=0.0, fused=True),
        lrs=(3e-3,),
    ),
}
