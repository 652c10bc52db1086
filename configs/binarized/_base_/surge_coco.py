# What the configs of this folder add to mmdet's. Names of their own, since
# two bases may not define the same key.
surge_hooks = dict(
    policy_table=dict(type='surge_mmdet.PolicyTableHook'),
    checkpoint=dict(backend_args=dict(backend='surge_atomic')),
    last_checkpoint=dict(type='surge_mmdet.LastCheckpointHook'),
    checkpoint_report=dict(type='surge_mmdet.CheckpointReportHook'),
    config_check=dict(type='surge_mmdet.ConfigCheckHook'),
    schedule=dict(type='surge_mmdet.ScheduleHook'),
    progress=dict(type='surge_mmdet.ProgressHook'),
    binarizers=dict(type='surge_mmdet.BinarizerHook'),
    ags=dict(type='surge_mmdet.AGSHook', interval=10),
)
surge_log = dict(type='surge_mmdet.SurgeLogProcessor')
# No weight decay: it would pull latent weights towards their sign change.
surge_optim = dict(
    constructor='surge_mmdet.SurgeOptimWrapperConstructor',
    optimizer=dict(_delete_=True, type='AdamW', lr=5e-4, weight_decay=0.0, fused=True),
    clip_grad=dict(max_norm=10, norm_type=2),
)
# Trained norms and every stage; mmdet's own start needs a download.
surge_resnet = dict(
    frozen_stages=-1,
    norm_eval=False,
    norm_cfg=dict(type='BN', requires_grad=True),
    zero_init_residual=False,
    init_cfg=None,
)
# Set the folder by the environment variable COCO_ROOT.
coco = dict(data_root='{{$COCO_ROOT:data/coco}}')
coco_val = dict(ann_file='{{$COCO_ROOT:data/coco}}/annotations/instances_val2017.json')
