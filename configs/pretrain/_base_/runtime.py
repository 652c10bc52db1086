# The package's runtime for classification. default_scope='mmpretrain' runs
# the same config under mmpretrain.
_base_ = '../../_base_/default_runtime.py'
default_scope = 'surge_mmdet'
default_hooks = dict(
    _delete_=True,
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        backend_args=dict(backend='surge_atomic'),
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    policy_table=dict(type='surge_mmdet.PolicyTableHook'),
    checkpoint_report=dict(type='surge_mmdet.CheckpointReportHook'),
    last_checkpoint=dict(type='surge_mmdet.LastCheckpointHook'),
    config_check=dict(type='surge_mmdet.ConfigCheckHook'),
    epoch_seed=dict(type='surge_mmdet.EpochSeedHook'),
    schedule=dict(type='surge_mmdet.ScheduleHook'),
    progress=dict(type='surge_mmdet.ProgressHook'),
    binarizers=dict(type='surge_mmdet.BinarizerHook'),
    ags=dict(type='surge_mmdet.AGSHook', interval=10),
)
visualizer = dict(_delete_=True, type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
