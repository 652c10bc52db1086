"""SSD's VGG of packed detectors: one call per convolution, poolings inside."""

from typing import Optional

from torch import Tensor, nn

from ...models import BinarySSDVGG
from ...models.shortcut import ShortcutConvModule
from .blocks import KNOWN, PackedShortcutConv, run_chain
from .real_blocks import PackedPool, PackedPooledConv, PackedRealConv


class PackedVGG(nn.Module):
    """The ``features`` of :class:`BinarySSDVGG`, activations and poolings inside convolutions.

    Args:
        backbone (BinarySSDVGG): Packed.
    """

    def __init__(self, backbone: BinarySSDVGG) -> None:
        super().__init__()
        features, wanted = list(backbone.features), backbone.out_feature_indices
        modules, last = [], []  # and the place in features where each ends
        i = 0
        while i < len(features):
            act = features[i + 1] if i + 1 < len(features) and i not in wanted else None
            joined = _with_act(features[i], act)
            modules.append(joined or _twin(features[i]))
            i += 1 if joined is None else 2
            last.append(i - 1)
        for at in reversed(range(len(modules) - 1)):
            if last[at] not in wanted and PackedPooledConv.fits(*modules[at : at + 2]):
                modules[at : at + 2] = [PackedPooledConv(*modules[at : at + 2])]
                del last[at]
        self.modules_in_order = nn.ModuleList(modules)
        self._outs = [i for i, place in enumerate(last) if place in wanted]

    def forward(self, x: Tensor):
        """(N, 3, H, W) to the wanted maps, as mmdet's SSDVGG."""
        maps = run_chain(list(self.modules_in_order), x)
        outs = tuple(maps[i] for i in self._outs)
        return outs[0] if len(outs) == 1 else outs


def _with_act(module: nn.Module, act: Optional[nn.Module]) -> Optional[nn.Module]:
    """A convolution and the activation behind it as one block, or None."""
    if not isinstance(module, ShortcutConvModule) or not isinstance(act, KNOWN):
        return None
    if not isinstance(module.act, nn.Identity):
        return None
    for kind in (PackedShortcutConv, PackedRealConv):
        if kind.fits(module):
            return kind(module, act)
    return None


def _twin(module: nn.Module) -> nn.Module:
    if isinstance(module, ShortcutConvModule):
        for kind in (PackedShortcutConv, PackedRealConv):
            if kind.fits(module):
                return kind(module)
    return PackedPool.of(module) or module
