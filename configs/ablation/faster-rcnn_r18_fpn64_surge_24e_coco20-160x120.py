# COCO's photographs of the 20 classes of PASCAL VOC at 160x120. With all of
# COCO 24 epochs are long; on a part of it too few to detect much.
_base_ = './faster-rcnn_r18_fpn64_surge_24e_bccd-160x120.py'
data_root = '{{$COCO_ROOT:data/coco/}}'
metainfo = dict(
    classes=(
        *('person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'boat'),
        *('bird', 'cat', 'dog', 'horse', 'sheep', 'cow'),
        *('bottle', 'chair', 'couch', 'potted plant', 'dining table', 'tv'),
    )
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='surge_mmdet.CocoDataset',
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/instances_train2017.json',
        data_prefix=dict(img='train2017/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=_base_.train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='surge_mmdet.CocoDataset',
        data_root=data_root,
        metainfo=metainfo,
        ann_file='annotations/instances_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True,
        # The file itself measures an object's area by its mask and knows crowds.
        pipeline=[step for step in _base_.test_pipeline if step.type != 'LoadAnnotations'],
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=f'{data_root}/annotations/instances_val2017.json')
test_evaluator = val_evaluator
model = dict(roi_head=dict(bbox_head=dict(num_classes=20)))
