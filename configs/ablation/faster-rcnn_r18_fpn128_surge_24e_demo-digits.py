# The detector of the demo, twice as long.
_base_ = '../faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_demo-digits.py'
train_cfg = dict(max_epochs=24, val_interval=4)
