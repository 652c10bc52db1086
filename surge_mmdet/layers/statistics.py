"""What to watch in a binary layer: flips, saturation, degeneration."""

from torch import Tensor
from torch.nn import functional as F


def flip_rate(before: Tensor, after: Tensor) -> Tensor:
    """Share of weights whose sign changed.

    Args:
        before (Tensor): ``weight >= 0`` of an earlier moment.
        after (Tensor): ``weight >= 0`` now, same shape.

    Examples:
        >>> import torch
        >>> now = torch.tensor([True, False, True, True])
        >>> flip_rate(torch.tensor([True, True, True, True]), now)
        tensor(0.2500)
    """
    return (before != after).float().mean()


def saturation(values: Tensor, clip: float = 1.0) -> Tensor:
    """Share of values beyond the clip, where the estimator passes nothing.

    Examples:
        >>> import torch
        >>> saturation(torch.tensor([0.5, -2.0, 1.0, 3.0]))
        tensor(0.5000)
    """
    return (values.abs() > clip).float().mean()


def constant_channels(values: Tensor, channel: int = 1) -> Tensor:
    """Share of channels in which every value has the same sign.

    Such a channel of an input carries nothing through its sign; such a
    filter of a weight only adds up its input.

    Args:
        values (Tensor): Activations (N, C, ...) or a weight.
        channel (int): The axis of the channels.

    Examples:
        >>> import torch
        >>> constant_channels(torch.tensor([[1., -1.], [2., 1.]]))
        tensor(0.5000)
    """
    rows = (values >= 0).movedim(channel, 0).flatten(1)
    return (rows.all(1) | ~rows.any(1)).float().mean()


def smoothness(kernel: Tensor) -> Tensor:
    """Share of a kernel's energy that is the same in all of its taps.

    1 for a low-pass filter, which averages; for independent values one over
    the number of taps (0.11 for 3x3).

    Args:
        kernel (Tensor): (outputs, inputs, height, width).

    Examples:
        >>> import torch
        >>> smoothness(torch.ones(2, 4, 3, 3))
        tensor(1.)
    """
    taps = kernel.float().flatten(2)
    return taps.mean(2).square().sum() * taps.shape[2] / taps.square().sum()


def smooth_share(gradient: Tensor) -> Tensor:
    """Share of a map's energy that a 3x3 mean leaves.

    Near 1 for a smooth map; 1 / 9 for independent values.

    Args:
        gradient (Tensor): (N, C, H, W).

    Examples:
        >>> import torch
        >>> round(smooth_share(torch.ones(1, 1, 90, 90)).item(), 2)
        0.98
    """
    gradient = gradient.float()
    mean = F.avg_pool2d(gradient, 3, 1, 1)
    return mean.square().sum() / gradient.square().sum()
