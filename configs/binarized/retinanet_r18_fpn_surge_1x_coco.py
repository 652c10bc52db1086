# 1-bit RetinaNet with SURGE: mmdet's config, swapped in place.
_base_ = ['mmdet::retinanet/retinanet_r18_fpn_1x_coco.py', './_base_/surge_coco.py']
model = dict(
    type='surge_mmdet.BinarizedDetector', detector='RetinaNet', backbone={{_base_.surge_resnet}}
)
default_hooks = {{_base_.surge_hooks}}
log_processor = {{_base_.surge_log}}
optim_wrapper = {{_base_.surge_optim}}
train_dataloader = dict(dataset={{_base_.coco}})
val_dataloader = dict(dataset={{_base_.coco}})
test_dataloader = dict(dataset={{_base_.coco}})
val_evaluator = {{_base_.coco_val}}
test_evaluator = {{_base_.coco_val}}
