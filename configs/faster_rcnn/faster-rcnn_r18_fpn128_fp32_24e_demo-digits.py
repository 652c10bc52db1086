# The teacher of the detector that is shipped: trained as long as its student.
_base_ = './faster-rcnn_r18_fpn128_fp32_12e_demo-digits.py'
train_cfg = dict(max_epochs=24)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
