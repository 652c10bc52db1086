# Why SURGE loses beside a teacher: the same student with and without PKD (Cao
# et al., NeurIPS 2022), and with what could mend it. Short trainings, since
# what is looked for shows within the first epochs.
config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
modules = ('backbone', 'neck', 'rpn_head')
pkd = dict(
    teacher='fp32',
    distillation=[dict(type='surge_mmdet.PKD', weight=6.0, levels=[0, 1, 2, 3])],
)
allowed = {'default_hooks.config_check.full_branch_beside_teacher': True}  # what it is about
still = {'optim_wrapper.paramwise_cfg.custom_keys.aux_weight.lr_mult': 0.0}


def surge(eta=0.3, **options):
    """A form of SURGE, with the eta that was the default of release 0.3.0."""
    return dict(layer=dict(surge=dict(eta=eta, **options)))


methods = (
    'fp32',
    {
        'STE + PKD': dict(method='ste', **pkd),
        'SURGE (eta 0.3) + PKD': dict(surge(), config=allowed, **pkd),
        'tied (eta 0.3) + PKD': dict(surge(branch='tied'), **pkd),
        'SURGE, W_a stays (eta 0.3) + PKD': dict(surge(), config={**allowed, **still}, **pkd),
        'norm-preserving (eta 0.3) + PKD': dict(
            surge(combine='norm_preserving'), config=allowed, **pkd
        ),
        'SURGE (eta 0.1) + PKD': dict(surge(0.1), config=allowed, **pkd),
        'SURGE (eta 1) + PKD': dict(surge(1.0), config=allowed, **pkd),
        'pointwise (eta 0.3) + PKD': dict(surge(branch='pointwise'), config=allowed, **pkd),
        'depthwise (eta 0.3) + PKD': dict(surge(branch='depthwise'), **pkd),
        'lowrank (eta 0.3) + PKD': dict(surge(branch='lowrank'), config=allowed, **pkd),
    },
    'ste',
    {'SURGE (eta 0.3)': surge(), 'tied (eta 0.3)': surge(branch='tied')},
)
baseline = 'STE + PKD'
tune_seed = 0
seeds = (1, 2, 3)
optimizers = {
    'AdamW': dict(
        optimizer=dict(type='AdamW', weight_decay=0.0, fused=True),
        lrs=(3e-3,),
        own={'STE + PKD': (1e-3, 3e-3), 'SURGE (eta 0.3) + PKD': (1e-3, 3e-3)},
    ),
}
