"""How much two maps differ in a box, by their own variances."""

from collections.abc import Sequence

import torch
from torch import Tensor

LEAST = 1e-6  # of a variance: a constant patch has none


def discrepancy(student: Tensor, teacher: Tensor, cells: Tensor) -> Tensor:
    r"""Diagonal Mahalanobis distance of each pair of patches.

    .. math::
        \varepsilon = \sum_c \frac{mean((t_c - s_c)^2)}{\tfrac12 (var(t_c) + var(s_c))}

    with mean and variance over the cells of the patch. Sums over patches are
    differences of running sums in float64, so that all boxes take one pass.

    Args:
        student, teacher (Tensor): Maps of one image, (C, H, W).
        cells (Tensor): (K, 4) as :meth:`Context.cells` gives them.

    Returns:
        Tensor: (K,), without gradient.

    Examples:
        >>> import torch
        >>> t = torch.tensor([[[0.0, 2.0]]])
        >>> round(discrepancy(t + 1, t, torch.tensor([[0, 0, 2, 1]])).item(), 4)
        1.0
    """
    s, t = student.detach().double(), teacher.detach().double()
    squares, *moments = (
        _means(x, cells) for x in ((t - s).square(), s, t, s.square() + t.square())
    )
    variance = (moments[2] - moments[0].square() - moments[1].square()) / 2
    return (squares / variance.clamp(min=LEAST)).sum(0)


def mean_discrepancy(patches: Sequence) -> Tensor:
    """Of each box, the mean :func:`discrepancy` over the levels.

    A level on which the box is a single cell is left out: one value has no
    variance. A box that is one cell on all of them has the lowest score, -1.

    Args:
        patches (sequence): For each level its student's map, its teacher's
            and the cells of the boxes, as :func:`discrepancy` takes them.

    Returns:
        Tensor: (K,), without gradient.
    """
    each = torch.stack([discrepancy(*patch) for patch in patches])
    counts = torch.stack([_sizes(cells) > 1 for _, _, cells in patches])
    count = counts.sum(0)
    mean = torch.where(counts, each, 0).sum(0) / count.clamp(min=1)
    return torch.where(count > 0, mean, -1)


def _sizes(cells: Tensor) -> Tensor:
    """How many cells each box has, (K,)."""
    return (cells[:, 2:] - cells[:, :2]).prod(1)


def _means(x: Tensor, cells: Tensor) -> Tensor:
    """Means of (C, H, W) over the cells of each box, (C, K)."""
    sums = torch.nn.functional.pad(x.cumsum(1).cumsum(2), (1, 0, 1, 0))
    x1, y1, x2, y2 = cells.unbind(1)
    total = sums[:, y2, x2] - sums[:, y1, x2] - sums[:, y2, x1] + sums[:, y1, x1]
    return total / _sizes(cells)
