"""PyTorch itself: maps channels last, eager or compiled, float32 or bfloat16."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..part import Part, as_tuple

# Weights become constants, packed once for oneDNN.
FREEZING = dict(freezing=True)


def eager(part: Part, threads: int) -> Callable:
    """As a model runs; oneDNN's kernels."""
    return _running(_last(part.module))


def compiled(part: Part, threads: int) -> Callable:
    """By ``torch.compile`` with constant weights."""
    return _compiled(_last(part.module))


def bfloat16(part: Part, threads: int) -> Callable:
    """Weights and maps in bfloat16; the input is cast on the way in."""
    return _running(_last(part.module).bfloat16(), torch.bfloat16)


def compiled_bfloat16(part: Part, threads: int) -> Callable:
    """The same by ``torch.compile``."""
    return _compiled(_last(part.module).bfloat16(), torch.bfloat16)


def _last(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).eval().to(memory_format=torch.channels_last)


def _compiled(module: nn.Module, dtype: torch.dtype = torch.float32) -> Callable:
    torch._dynamo.reset()  # many small modules share one limit of compilations
    return _running(torch.compile(module, options=FREEZING), dtype)


def _running(module: Callable, dtype: torch.dtype = torch.float32) -> Callable:
    def run(x: Tensor) -> tuple:
        with torch.no_grad():  # inference_mode keeps torch.compile from freezing
            if x.dim() == 4:
                x = x.to(dtype, memory_format=torch.channels_last)
            return as_tuple(module(x.to(dtype)))

    return run
