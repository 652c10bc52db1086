"""Binary backbones, necks and heads made of mmdet's."""

from ..errors import moved
from .backbones.binary_resnet import BinaryResNet
from .backbones.binary_ssd_vgg import BinarySSDVGG
from .detectors.binarized import binarized_detector
from .heads.binary_bbox_head import BinaryShared2FCBBoxHead
from .heads.binary_res_layer import BinaryResLayer
from .heads.binary_rpn_head import BinaryRPNHead
from .heads.binary_ssd_head import BinarySSDHead
from .necks.binary_fpn import BinaryFPN
from .necks.binary_ssd_neck import BinarySSDNeck
from .pretrained import LoadReport, compare, load_pretrained
from .roi_extractor import PlanarRoIExtractor

__all__ = [
    'BinaryFPN',
    'BinaryRPNHead',
    'BinaryResLayer',
    'BinaryResNet',
    'BinarySSDHead',
    'BinarySSDNeck',
    'BinarySSDVGG',
    'BinaryShared2FCBBoxHead',
    'LoadReport',
    'PlanarRoIExtractor',
    'binarized_detector',
    'compare',
    'load_pretrained',
]

CONVERT = (
    'BinaryPolicy',
    'Decision',
    'binarize',
    'build_policy',
    'layer_rows',
    'policy_summary',
    'policy_table',
    'real_layers',
)
__getattr__ = moved('models', {name: f'from surge_mmdet.convert import {name}' for name in CONVERT})
