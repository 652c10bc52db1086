# The plain binary twin with the losses of BiDet (arXiv 2003.03961), weighted as
# in its code, after a tenth of the training.
_base_ = './ssd300_vgg16_ste_12e_bccd.py'
model = dict(
    type='surge_mmdet.DetectorWithLosses',
    plain='SingleStageDetector',
    losses=[
        dict(type='surge_mmdet.InformationBottleneck', weight=0.1, start=0.1),
        dict(type='surge_mmdet.SparseObjectPrior', weight=0.2, start=0.1),
    ],
)
