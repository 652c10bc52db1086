# The same until AP levels off: 24 epochs, the warm-up as much longer.
_base_ = './faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'
train_cfg = dict(max_epochs=24, val_interval=2)
param_scheduler = [
    dict(step, end=100) if step.type == 'LinearLR' else step for step in _base_.param_scheduler
]
