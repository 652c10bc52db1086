"""The Faster R-CNN of BCCD with few channels."""

from conftest import ROOT

RCNN = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
SMALL = f"""
_base_ = '{RCNN}'
model = dict(
    backbone=dict(base_channels=4),
    neck=dict(in_channels=[4, 8, 16, 32], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(bbox_roi_extractor=dict(out_channels=16),
                  bbox_head=dict(in_channels=16, fc_out_channels=16)))
"""


def small_config(folder) -> str:
    """Its config, written into ``folder``."""
    path = folder / 'small.py'
    path.write_text(SMALL)
    return str(path)
