"""The stem of packed residual networks: convolution, pooling and activation in one pass."""

from torch import Tensor, nn

from ...kernels import maps
from ...kernels.maps import Window
from ...kernels.ops import Epilogue
from ...models import BinaryResNet
from .blocks import KNOWN, activation_parts, to_nchw
from .real_blocks import direct_of
from .real_conv import RealConv2d


class PackedStem(nn.Module):
    """Convolution, max pooling and activation of :class:`BinaryResNet`, its norm folded.

    In this order, as the backbone itself runs them: for slopes outside [0, 1]
    it is not that of other networks.

    Args:
        backbone (BinaryResNet): Without a deep stem.
    """

    def __init__(self, backbone: BinaryResNet) -> None:
        super().__init__()
        conv = backbone.conv1
        self._weight, affine = direct_of(RealConv2d.of(conv))
        self._window = Window.of(backbone.maxpool)
        self._after = Epilogue(**affine, **activation_parts(backbone.relu, conv.out_channels))

    @staticmethod
    def fits(backbone: nn.Module) -> bool:
        """Whether the stem is one real convolution that has a kernel."""
        return (
            type(backbone) is BinaryResNet  # another may run them in another order
            and not backbone.deep_stem
            and RealConv2d.fits(backbone.conv1)
            and direct_of(RealConv2d.of(backbone.conv1)) is not None
            and isinstance(backbone.norm1, nn.Identity)
            and isinstance(backbone.relu, KNOWN)
            and Window.fits(backbone.maxpool)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, C, H / 4, W / 4), channels last inside."""
        found = maps.direct_conv_pool(
            x.permute(0, 2, 3, 1), self._weight, self._window, self._after
        )
        return to_nchw(found[0])


def pack_stem(backbone: nn.Module) -> None:
    """Let ``backbone`` run its stem as one operator, where it can; changed in place."""
    if PackedStem.fits(backbone):
        backbone.conv1 = PackedStem(backbone)
        backbone.maxpool, backbone.relu = nn.Identity(), nn.Identity()
