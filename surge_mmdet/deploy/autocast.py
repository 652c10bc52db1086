"""Packed detectors compute in the types they were packed for, also under autocast."""

import threading

import torch
from torch import nn

_entered = threading.local()


def without_autocast(model: nn.Module) -> nn.Module:
    """Let each call of ``model`` run with autocast off on the CPU; changed in place.

    mmdet's tests may ask for it (``test_cfg=dict(fp16=True)``), and the
    kernels take float32.
    """
    model.register_forward_pre_hook(_enter)
    model.register_forward_hook(_leave, always_call=True)
    return model


def _enter(module: nn.Module, args: tuple) -> None:
    context = torch.autocast('cpu', enabled=False)
    context.__enter__()
    if not hasattr(_entered, 'contexts'):
        _entered.contexts = []
    _entered.contexts.append(context)


def _leave(module: nn.Module, args: tuple, output) -> None:
    _entered.contexts.pop().__exit__(None, None, None)
