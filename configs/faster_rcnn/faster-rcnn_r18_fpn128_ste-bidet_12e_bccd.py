# The plain binary twin with the losses of BiDet (arXiv 2003.03961), weighted as
# in its code, from the middle of the training on.
_base_ = './faster-rcnn_r18_fpn128_ste_12e_bccd.py'
model = dict(
    type='surge_mmdet.DetectorWithLosses',
    plain='FasterRCNN',
    losses=[
        dict(type='surge_mmdet.InformationBottleneck', weight=0.5, region_weight=0.02, start=0.5),
        dict(type='surge_mmdet.SparseObjectPrior', weight=0.01, region_weight=0.05, start=0.5),
    ],
)
