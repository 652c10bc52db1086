# BCCD blood cells squeezed to 300x300, which is what SSD300 takes.
_base_ = './bccd_320x240.py'
scale = (300, 300)
resize = dict(type='Resize', scale=scale, keep_ratio=False)
train_pipeline = [resize if step.type == 'Resize' else step for step in _base_.train_pipeline]
test_pipeline = [resize if step.type == 'Resize' else step for step in _base_.test_pipeline]
train_dataloader = dict(
    batch_sampler=None,
    # BN on SSD's last map, one pixel, needs more than one image.
    drop_last=True,
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
