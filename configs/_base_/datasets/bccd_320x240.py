# BCCD blood cells (MIT licence), 364 photographs in VOC layout. Set the
# folder that contains VOC2007/ by the environment variable BCCD_ROOT, or by
# --cfg-options {train,val,test}_dataloader.dataset.data_root=...
_base_ = './voc_layout_320x240.py'
data_root = '{{$BCCD_ROOT:data/bccd/VOCdevkit/}}'
metainfo = dict(
    classes=('RBC', 'WBC', 'Platelets'), palette=[(220, 20, 60), (0, 90, 200), (255, 180, 0)]
)
source = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(dataset=source)
val_dataloader = dict(dataset=source)
test_dataloader = dict(dataset=source)
