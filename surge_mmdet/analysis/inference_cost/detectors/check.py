"""Whether the kernels of a packed detector give what signs in plain PyTorch give.

End to end a packed detector cannot be held against the simulated one digit by
digit: a value that is 0 but for rounding takes the other sign, and with random
weights that spreads over all later maps. So each packed layer is, on the maps
that it meets in this detector.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ....deploy.blocks import Fused
from ....deploy.packed_layers import PackedLayer
from ....kernels import ops
from ..contest import relative_error

KERNEL = 'SURGE_KERNEL'


@torch.no_grad()
def packed_error(model: nn.Module, run: Callable) -> float:
    """The largest relative error of a packed layer's real output.

    Args:
        model (nn.Module): Packed.
        run (Callable): Lets it detect something.

    Raises:
        ValueError: If no packed layer was met, or if the signs that a layer
            hands on are not those of its output.
    """
    seen: list[tuple] = []
    hooks = [
        module.register_forward_hook(lambda m, args, out: seen.append((m, args, out)))
        for module in model.modules()
        if isinstance(module, (Fused, PackedLayer))
    ]
    run()
    for hook in hooks:
        hook.remove()
    if not seen:
        raise ValueError('no packed layer took part')
    with _kernel(ops.PLAIN):
        return max(_error(module, args, out) for module, args, out in seen)


def _error(module: nn.Module, args: tuple, out) -> float:
    again = module(*args)
    if isinstance(out, Tensor):
        return relative_error([out], [again])
    (real, bits), (wanted, wanted_bits) = out, again
    if bits is not None:
        # A value that is 0 but for rounding may have the other sign.
        different = (bits ^ wanted_bits).ne(0).float().mean().item()
        if different > 1e-3:
            raise ValueError(f'{different:.1%} of the words of signs differ')
    return relative_error([real], [wanted])


@contextmanager
def _kernel(name: str) -> Iterator:
    before = os.environ.get(KERNEL)
    os.environ[KERNEL] = name
    try:
        yield
    finally:
        os.environ.pop(KERNEL)
        if before is not None:
            os.environ[KERNEL] = before
