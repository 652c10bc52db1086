# What tools/benchmark/compare_methods.py trains: every method with every learning
# rate on the tuning seed, then the best rate on the other seeds.
config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
modules = ('backbone', 'neck', 'rpn_head')
methods = (  # of surge_mmdet/methods.py; a dict adds own ones, label to policy
    'fp32',
    'ste',
    'polynomial',
    'surge',
    'polynomial-surge',
    'tied',
    'norm-preserving',
    'polynomial-norm-preserving',
    'bfloat16',
    'pointwise',
    'depthwise',
    'lowrank',
)
baseline = 'ste'
tune_seed = 0
seeds = (1, 2, 3)
# 1e-3 was far behind for the first five; the cheaper forms of SURGE take the
# rate that is best for SURGE.
fewer, more, same, none = (3e-3, 1e-2), (3e-3, 1e-2, 3e-2), (3e-3,), ()
optimizers = {
    'AdamW': dict(
        optimizer=dict(type='AdamW', weight_decay=0.0, fused=True),
        lrs=(1e-3, 3e-3, 1e-2),
        own={
            'tied': fewer,
            'norm-preserving': more,
            'polynomial-norm-preserving': fewer,
            'bfloat16': same,
            'pointwise': same,
            'depthwise': same,
            'lowrank': same,
        },
    ),
    'SGD': dict(
        optimizer=dict(type='SGD', momentum=0.9, weight_decay=0.0),
        lrs=(0.03, 0.1),
        own={
            'fp32': none,
            'polynomial': none,
            'polynomial-surge': none,
            'tied': none,
            'polynomial-norm-preserving': none,
            'bfloat16': none,
            'pointwise': none,
            'depthwise': none,
            'lowrank': none,
        },
    ),
}
