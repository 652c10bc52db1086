# 128 epochs of Adam at a total batch of 512, as ReActNet's published training
# code has it (learning rate 2.5e-3), with warm-up, cosine decay and clipped
# gradients. No weight decay: it would pull latent weights towards their sign
# change. Step 1, whose weights are real, sets its own.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=128, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='surge_mmdet.SurgeOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=2.5e-3, weight_decay=0.0, fused=True),
    paramwise_cfg=dict(flat_decay_mult=0.0),
    clip_grad=dict(max_norm=10, norm_type=2),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=127,
        eta_min=1e-6,
        by_epoch=True,
        begin=1,
        end=128,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=512)
