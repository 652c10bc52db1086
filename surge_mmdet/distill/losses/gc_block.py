"""The relation between the cells of a map."""

import torch
from torch import Tensor, nn


class GcBlock(nn.Module):
    r"""What the whole map adds to each of its cells.

    .. math::
        R(x) = x + W_2 ReLU(LN(W_1 \sum_j softmax_j(W_k x_j) x_j))

    The global context block of "GCNet: Non-local Networks Meet
    Squeeze-Excitation Networks and Beyond" (Cao et al., ICCVW 2019), as FGD
    uses it. W_2 starts at 0, so that R is the identity.

    Args:
        channels (int): Of the map; half of them in between.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = max(channels // 2, 1)
        with torch.random.fork_rng(devices=[]):  # the student starts as it does without
            self.look = nn.Conv2d(channels, 1, 1)
            self.add = nn.Sequential(
                nn.Linear(channels, half),
                nn.LayerNorm(half),
                nn.ReLU(),
                nn.Linear(half, channels),
            )
            nn.init.kaiming_normal_(self.look.weight, mode='fan_in')
        for value in self.add[-1].parameters():
            nn.init.zeros_(value)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        share = self.look(x).flatten(1).softmax(1)
        context = torch.einsum('ncp,np->nc', x.flatten(2), share)
        return x + self.add(context)[..., None, None]
