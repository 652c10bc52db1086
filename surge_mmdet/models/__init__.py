"""Binary backbones, necks and heads made of mmdet's, and the policy."""

from .backbones.binary_resnet import BinaryResNet
from .backbones.binary_ssd_vgg import BinarySSDVGG
from .detectors.binarized import binarized_detector
from .detectors.real_layers import real_layers
from .heads.binary_bbox_head import BinaryShared2FCBBoxHead
from .heads.binary_res_layer import BinaryResLayer
from .heads.binary_rpn_head import BinaryRPNHead
from .heads.binary_ssd_head import BinarySSDHead
from .necks.binary_fpn import BinaryFPN
from .necks.binary_ssd_neck import BinarySSDNeck
from .policy import BinaryPolicy, Decision, binarize, build_policy
from .pretrained import LoadReport, compare, load_pretrained
from .report import layer_rows, policy_summary, policy_table

__all__ = [
    'BinaryFPN',
    'BinaryPolicy',
    'BinaryRPNHead',
    'BinaryResLayer',
    'BinaryResNet',
    'BinarySSDHead',
    'BinarySSDNeck',
    'BinarySSDVGG',
    'BinaryShared2FCBBoxHead',
    'Decision',
    'LoadReport',
    'binarize',
    'binarized_detector',
    'build_policy',
    'compare',
    'layer_rows',
    'load_pretrained',
    'policy_summary',
    'policy_table',
    'real_layers',
]
