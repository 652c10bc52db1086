# The same for small data and small machines: 12 epochs at a batch of 16.
_base_ = './adam_128e.py'
train_cfg = dict(max_epochs=12, val_interval=3)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.1, by_epoch=True, begin=0, end=1, convert_to_iter_based=True
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=11,
        eta_min=1e-5,
        by_epoch=True,
        begin=1,
        end=12,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=16)
