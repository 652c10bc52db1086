"""Checkpoints of plain ResNets for the binary ones."""

import re
from collections import Counter

from ..pretrained import LoadsRealWeights
from .binary_blocks import BinaryBasicBlock, BinaryBottleneck

ARCHITECTURES = {
    18: (BinaryBasicBlock, (2, 2, 2, 2)),
    34: (BinaryBasicBlock, (3, 4, 6, 3)),
    50: (BinaryBottleneck, (3, 4, 6, 3)),
    101: (BinaryBottleneck, (3, 4, 23, 3)),
    152: (BinaryBottleneck, (3, 8, 36, 3)),
}


class ResNetCheckpoints(LoadsRealWeights):
    """Mixin of whole backbones and single stages: names, and other depths.

    The class has ``depth`` and ``avg_down``.
    """

    def real_names(self, state_dict: dict) -> dict:
        """Rename keys of a plain ResNet checkpoint to this structure.

        With ``avg_down`` the shortcut starts with a pooling layer, so its
        convolution and norm move from 0 and 1 to 1 and 2.
        """
        if not self.avg_down or any('.downsample.2.' in k for k in state_dict):
            return state_dict
        moves = (('.downsample.1.', '.downsample.2.'), ('.downsample.0.', '.downsample.1.'))
        renamed = {}
        for key, value in state_dict.items():
            old, new = next((m for m in moves if m[0] in key), ('', ''))
            renamed[key.replace(old, new) if old else key] = value
        return renamed

    def remedy(self, state_dict: dict) -> str:
        """The depth that a checkpoint of another ResNet would fit."""
        names = [re.fullmatch(r'layer(\d)\.\d+\.conv(\d)\.weight', k) for k in state_dict]
        names = [match.groups() for match in names if match]
        found = Counter(int(stage) for stage, conv in names if conv == '1')
        bottleneck = any(conv == '3' for _, conv in names)
        for depth, (block, counts) in ARCHITECTURES.items():
            same = (block is BinaryBottleneck) == bottleneck and all(
                counts[stage - 1] == count for stage, count in found.items()
            )
            if found and same and depth != self.depth:
                return (
                    f'It is a ResNet-{depth}: write depth={depth}, or '
                    f'choose a checkpoint of ResNet-{self.depth}.'
                )
        return ''
