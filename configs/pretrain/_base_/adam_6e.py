# Half of it, for each of the two steps.
_base_ = './adam_12e.py'
train_cfg = dict(max_epochs=6)
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.1, by_epoch=True, begin=0, end=1, convert_to_iter_based=True
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=5,
        eta_min=1e-5,
        by_epoch=True,
        begin=1,
        end=6,
        convert_to_iter_based=True,
    ),
]
