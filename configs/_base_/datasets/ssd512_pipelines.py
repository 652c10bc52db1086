# The same augmentation at 512x512.
_base_ = './ssd300_pipelines.py'
scale = (512, 512)
resize = dict(type='Resize', scale=scale, keep_ratio=False)
ssd_train_pipeline = [
    resize if step.type == 'Resize' else step for step in _base_.ssd_train_pipeline
]
ssd_test_pipeline = [resize if step.type == 'Resize' else step for step in _base_.ssd_test_pipeline]
