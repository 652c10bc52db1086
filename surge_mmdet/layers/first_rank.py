"""What starts from the first batch starts alike on all ranks."""

import torch
import torch.distributed as dist
from torch import Tensor, nn


def take_from_first_rank(module: nn.Module, x: Tensor) -> bool:
    """The first batch differs between ranks; what starts from it must not.

    All ranks come here in the same forward, also with an empty batch: one
    that stayed away would leave the others waiting.

    Args:
        module (nn.Module): What has started from ``x``, unless that is empty.
        x (Tensor): This rank's batch.

    Returns:
        bool: Whether the first rank's batch was one to start from.
    """
    filled = torch.tensor(float(x.numel() > 0), device=x.device)
    if dist.is_available() and dist.is_initialized():
        for tensor in (filled, *module.parameters(), *module.buffers()):
            dist.broadcast(tensor.detach(), 0)
    return bool(filled)
