"""Forward and backward of single binary layers, all methods in one process."""

import time

import torch
from torch import nn

from ...layers import BinaryConv2d
from ...methods import Method
from ...surge.extensions import close_steps, running_scalers
from ..rounds import take_turns
from .memory import allocator_peak, saved_bytes, synchronise
from .methods import train_by

LAYERS = {  # of ResNet-18 at 320x240: channels in, out, height, width, stride
    '64x60x80': (64, 64, 60, 80, 1),
    '128x30x40': (128, 128, 30, 40, 1),
    '256x15x20': (256, 256, 15, 20, 1),
    '64 to 128, stride 2': (64, 128, 60, 80, 2),
}
COMPARED = (  # methods, as parse_method reads them
    'fp32',
    'ste',
    'ste-autograd',
    'literal',
    'surge',
    'surge:dtype=bfloat16',
    'surge:mode=running',
    'surge:branch=tied',
    'surge:branch=tied,dtype=bfloat16',
    'surge:branch=pointwise',
    'surge:branch=depthwise',
    'surge:branch=lowrank',
)


class Layer:
    """One method's layer, its input and the gradient it gets.

    Args:
        method (Method): As :func:`parse_method` gives it.
        geometry (tuple): Channels in and out, height, width, stride.
        batch (int): Images.
        device (torch.device): Where it runs.
    """

    def __init__(self, method: Method, geometry: tuple, batch: int, device: torch.device) -> None:
        cin, cout, height, width, stride = geometry
        torch.manual_seed(0)  # all have the same input and weight
        self.x = torch.randn(batch, cin, height, width).to(device)
        self.x.requires_grad_()
        net = nn.Sequential(BinaryConv2d(cin, cout, 3, stride, 1, bias=False))
        self.model = train_by(net, method).to(device)
        self.scalers = running_scalers(self.model)
        self.device = device
        self.delta = torch.randn_like(self.model(self.x).detach())

    def run(self) -> None:
        """Forward and backward; gradients of parameters add up."""
        self.x.grad = None
        self.model(self.x).backward(self.delta)
        if self.scalers:  # AGSHook's work in a training
            close_steps(self.scalers)

    def step(self) -> float:
        """Seconds of one :meth:`run`."""
        synchronise(self.device)
        start = time.perf_counter()
        self.run()
        synchronise(self.device)
        return time.perf_counter() - start

    def memory(self) -> dict:
        """Bytes that autograd keeps, and the allocator's peak in a step."""
        own = [self.x, *self.model.parameters(), *self.model.buffers()]
        self.run()  # so that all gradients are there
        return dict(
            saved=saved_bytes(lambda: self.model(self.x), own),
            allocator=allocator_peak(self.run, self.device),
        )


def measure(
    methods: dict, geometry: tuple, batch: int, rounds: int, warmup: int, device: str = 'cpu'
) -> dict:
    """By label the seconds of each round, and bytes.

    Args:
        methods (dict): Label to method.
        geometry (tuple): As :class:`Layer`.
        batch (int): Images.
        rounds, warmup (int): Rounds that count, and those before.
        device (str): ``cpu`` or ``cuda``.
    """
    layers = {
        label: Layer(method, geometry, batch, torch.device(device))
        for label, method in methods.items()
    }
    memory = {label: layer.memory() for label, layer in layers.items()}
    seconds = take_turns({label: layer.step for label, layer in layers.items()}, rounds, warmup)
    return {label: dict(seconds=seconds[label], **memory[label]) for label in layers}
