"""Binary backbones, necks and heads made of mmdet's, and the policy."""
from .backbones.binary_resnet import BinaryResNet
from .heads.binary_rpn_head import BinaryRPNHead
from .necks.binary_fpn import BinaryFPN
from .policy import BinaryPolicy, Decision, binarize, build_policy
from .pretrained import LoadReport, compare, load_pretrained
from .report import layer_rows, policy_table

__all__ = [
    'BinaryFPN', 'BinaryPolicy', 'BinaryRPNHead', 'BinaryResNet', 'Decision',
    'LoadReport', 'binarize', 'build_policy', 'compare', 'layer_rows',
    'load_pretrained', 'policy_table'
]
