# What every config of this package shares.
default_scope = 'mmdet'
custom_imports = dict(imports=['surge_mmdet.engine'], allow_failed_imports=False)

default_hooks = dict(
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
    visualization=dict(type='DetVisualizationHook'),
    policy_table=dict(type='surge_mmdet.PolicyTableHook'),
    checkpoint_report=dict(type='surge_mmdet.CheckpointReportHook'),
    last_checkpoint=dict(type='surge_mmdet.LastCheckpointHook'),
    config_check=dict(type='surge_mmdet.ConfigCheckHook'),
    epoch_seed=dict(type='surge_mmdet.EpochSeedHook'),
    schedule=dict(type='surge_mmdet.ScheduleHook'),
    progress=dict(type='surge_mmdet.ProgressHook'),
    binarizers=dict(type='surge_mmdet.BinarizerHook'),
    # Without SURGE a config replaces this by surge_mmdet.NonFiniteStepHook.
    ags=dict(type='surge_mmdet.AGSHook', interval=10),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='DetLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(type='surge_mmdet.SurgeLogProcessor', window_size=20, by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
