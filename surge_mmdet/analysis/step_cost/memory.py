"""What a training step keeps and takes: saved tensors, allocator, process.

Each function measures one thing and says what it leaves out; the tools in
``tools/benchmark`` put them together.
"""

import ctypes
import gc
import weakref
from pathlib import Path
from typing import Callable, Iterable, Optional

import torch
from torch import Tensor, nn

MIB = 2**20
STATUS, CLEAR = Path('/proc/self/status'), Path('/proc/self/clear_refs')


class _Kept:
    """A saved tensor; dies with the node of the graph that holds it."""

    def __init__(self, tensor: Tensor) -> None:
        # Detached: an output would hold its own node, and so never die.
        self.tensor = tensor.detach()


def saved_bytes(run: Callable, own: Iterable[Tensor]) -> int:
    """Bytes that autograd keeps at the end of a forward pass.

    Tensors that share a storage count once, with the whole storage; what
    only a layer's ``ctx`` attributes hold is not seen.

    Args:
        run (Callable): The forward; what it returns holds the graph.
        own (Iterable[Tensor]): Storages to leave out: the parameters,
            buffers and inputs, which exist without autograd.

    Examples:
        >>> x, weight = torch.ones(8), torch.ones(8, requires_grad=True)
        >>> saved_bytes(lambda: (x * weight).exp(), [x, weight])
        32
    """
    kept = weakref.WeakSet()

    def keep(tensor: Tensor) -> _Kept:
        handle = _Kept(tensor)
        kept.add(handle)
        return handle

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda h: h.tensor):
        graph = run()
    known = {_address(tensor) for tensor in own}
    found = {_address(h.tensor): h.tensor.untyped_storage().nbytes() for h in kept}
    del graph  # only now, since the handles live as long as it does
    return sum(size for at, size in found.items() if at not in known)


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def allocator_peak(run: Callable, device: torch.device) -> int:
    """Most bytes that PyTorch's allocator held during ``run``, over its
    level before.

    On CUDA the allocator counts itself. On a CPU the profiler lists each
    allocation, which slows ``run`` down: never time it. Memory that libraries
    take by themselves is not seen.
    """
    if torch.device(device).type == 'cuda':
        synchronise(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        synchronise(device)
        return torch.cuda.max_memory_allocated(device) - before
    with torch.autograd.profiler.profile(profile_memory=True) as recorded:
        run()
    changes = sorted(
        (
            (event.start_ns(), event.nbytes())
            for event in recorded.kineto_results.events()
            if event.name() == '[memory]'
        ),
        key=lambda change: change[0],
    )
    level = peak = 0
    for _, size in changes:
        level += size
        peak = max(peak, level)
    return peak


def check_device(name: str) -> torch.device:
    """The device of this name, or a ValueError with one that is here."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ('cpu', 'cuda'):
        raise ValueError(
            f'{name!r} is no device of this benchmark. Write --device cpu, or --device cuda'
        )
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise ValueError('this PyTorch sees no CUDA device. Write --device cpu')
    return device


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was asked to."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)


def state_bytes(model: nn.Module, optimizer=None) -> int:
    """Bytes that live between steps: parameters, buffers, gradients that
    were not freed, and the state of the optimizer."""
    tensors = [*model.parameters(), *model.buffers()]
    tensors += [p.grad for p in model.parameters() if p.grad is not None]
    if optimizer is not None:
        tensors += [
            value
            for state in optimizer.state.values()
            for value in state.values()
            if torch.is_tensor(value)
        ]
    return sum({_address(t): t.untyped_storage().nbytes() for t in tensors}.values())


def resident() -> Optional[tuple]:
    """(now, peak) of this process's resident bytes; None without /proc."""
    if not STATUS.exists():
        return None
    rows = dict(line.split(':', 1) for line in STATUS.read_text().splitlines())
    return tuple(int(rows[key].split()[0]) * 1024 for key in ('VmRSS', 'VmHWM'))


def release_freed() -> bool:
    """Give memory that Python has freed back to the system.

    What building a model has left behind would else take in a part of what a
    step allocates, and hide it.

    Returns:
        bool: False where the C library cannot do it (it is not glibc).
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)
    if trim is None:
        return False
    trim(0)
    return True


def forget_peak() -> bool:
    """Let the peak of :func:`resident` start again at the present size.

    Returns:
        bool: False where the system does not allow it.
    """
    try:
        CLEAR.write_text('5')
    except OSError:
        return False
    return True
