# 1-bit RTMDet-tiny with SURGE: mmdet's config, swapped in place.
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', './_base_/surge_coco.py']
model = dict(type='surge_mmdet.BinarizedDetector', detector='RTMDet', backbone=dict(init_cfg=None))
default_hooks = {{_base_.surge_hooks}}
log_processor = {{_base_.surge_log}}
optim_wrapper = {{_base_.surge_optim}}
_base_.param_scheduler[1].eta_min = 0.05 * _base_.surge_optim.optimizer.lr
train_dataloader = dict(dataset={{_base_.coco}})
val_dataloader = dict(dataset={{_base_.coco}})
test_dataloader = dict(dataset={{_base_.coco}})
val_evaluator = {{_base_.coco_val}}
test_evaluator = {{_base_.coco_val}}
