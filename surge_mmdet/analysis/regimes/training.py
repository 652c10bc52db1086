"""One training of a small network, and what is measured behind it."""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.statistics import saturation
from ...methods import find_method
from .digits import split
from .network import build, middle_layers
from .regime import Regime

BATCH = 50


@dataclass(frozen=True)
class Trained:
    """What one training came to.

    Attributes:
        accuracy (float): Share of right answers, in [0, 1]; 0 if the training diverged.
        diverged (bool): Whether a loss was not finite, of it or of the twin it starts from.
        outside (float): Share of the binary layers' inputs beyond [-1, 1].
        growth (float): Norm of the loss' gradient at the first binary layer's
            input over that at the last one's.
    """

    accuracy: float
    diverged: bool
    outside: float
    growth: float


def train(regime: Regime, method: str, lr: float, seed: int, part: str) -> Trained:
    """Train a network from a start that depends on regime and seed alone.

    Args:
        regime (Regime): The conditions.
        method (str): As in ``surge_mmdet/methods.py``.
        lr (float): Learning rate at the start.
        seed (int): Of weights and of the order of images.
        part (str): What to answer in the end, as :func:`split` names it.
    """
    network = fit(regime, method, lr, seed)
    if network is None:
        return Trained(0.0, True, 0.0, 0.0)
    outside, growth = look(network, *(each[:BATCH] for each in _images(regime)))
    return Trained(accuracy(network, *split(part)), False, outside, growth)


def fit(regime: Regime, method: str, lr: float, seed: int) -> Optional[nn.Sequential]:
    """The network of :func:`train`; None if a loss of it or its twin was not finite."""
    layer = _layer(method, regime.eta)
    torch.manual_seed(seed)
    network = build(regime, layer)
    if regime.real_start:
        twin = _twin(replace(regime, real_start=False), seed)
        if twin is None:
            return None
        start_from(network, twin)
    images, labels = _images(regime)
    order = torch.Generator().manual_seed(seed)
    steps = regime.epochs * (len(labels) // BATCH)
    optimizer = _optimizer(regime, network, lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for _ in range(regime.epochs):
        for index in torch.randperm(len(labels), generator=order).split(BATCH):
            loss = F.cross_entropy(network(images[index]), labels[index])
            if not isfinite(loss.item()):
                return None
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network


def _images(regime: Regime) -> tuple:
    return tuple(each[: regime.images] for each in split('train'))


def _layer(method: str, eta: float) -> Optional[dict]:
    """Options of the method's layers, SURGE's with the regime's eta; None for real ones."""
    policy = find_method(method).policy()
    if policy is None:
        return None
    layer = dict(policy['layer'])
    if layer['surge'] is not None:
        layer['surge'] = dict(layer['surge'], eta=eta)
    return layer


@lru_cache(maxsize=16)
def _twin(regime: Regime, seed: int) -> Optional[nn.Sequential]:
    return fit(regime, 'fp32', regime.rates[1], seed)


def start_from(network: nn.Sequential, twin: nn.Sequential) -> None:
    """Give a network the weights, norms and PReLUs of its trained float twin.

    Raises:
        ValueError: If the twin has what the network lacks.
    """
    unknown = network.load_state_dict(twin.state_dict(), strict=False).unexpected_keys
    if unknown:
        raise ValueError(f'the network has no {", ".join(unknown)}')


def _optimizer(regime: Regime, network: nn.Module, lr: float) -> torch.optim.Optimizer:
    if regime.optimizer == 'SGD':
        return torch.optim.SGD(network.parameters(), lr, momentum=0.9)
    return torch.optim.AdamW(network.parameters(), lr, weight_decay=0.0)


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of right answers, in eval mode."""
    network.eval()
    return (network(images).argmax(1) == labels).double().mean().item()


def look(network: nn.Sequential, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Share of inputs beyond [-1, 1], and growth of the gradient, on one batch."""
    inputs = []
    layers = middle_layers(network)
    handles = [
        layer.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
        for layer in layers
    ]
    try:
        loss = F.cross_entropy(network(images), labels)
    finally:
        for handle in handles:
            handle.remove()
    first, last = torch.autograd.grad(loss, [inputs[0], inputs[-1]])
    outside = torch.stack([saturation(each.detach()) for each in inputs]).mean()
    return outside.item(), (first.norm() / last.norm().clamp_min(1e-30)).item()
