"""One figure of all surrogate gradients of activations."""

import torch

from ...binarizers import ACTIVATIONS, ActivationBinarizer, build_activation

COLUMNS = 4
TIMES = (0.0, 0.5, 1.0)  # of the training, for surrogates that change
REACH = 2.0


def slopes(binarizer: ActivationBinarizer, x: torch.Tensor) -> dict:
    """dQ/dx at ``x``, for the start, the middle and the end of the training.

    Args:
        binarizer (ActivationBinarizer): For one channel.
        x (Tensor): (n, ).

    Returns:
        dict[float, Tensor]: Progress to (n, ); one entry where nothing changes.
    """
    found = {}
    for progress in TIMES if binarizer.scheduled else TIMES[:1]:
        binarizer.set_progress(progress)
        at = x.view(-1, 1).clone().requires_grad_()
        found[progress] = torch.autograd.grad(binarizer(at).sum(), at)[0].flatten()
    first = found[TIMES[0]]
    return found if any(not each.equal(first) for each in found.values()) else {TIMES[0]: first}


def plot_surrogates(target) -> None:
    """Draw a panel for each registered activation binarizer.

    Args:
        target (str | Path): Picture file.
    """
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    rows = -(-len(ACTIVATIONS) // COLUMNS)
    figure, axes = plt.subplots(
        rows, COLUMNS, squeeze=False, layout='constrained', figsize=(3 * COLUMNS, 2.3 * rows)
    )
    x = torch.linspace(-REACH, REACH, 801)
    for axis in axes.flat[len(ACTIVATIONS) :]:
        axis.axis('off')
    for axis, kind in zip(axes.flat, ACTIVATIONS, strict=False):
        binarizer = build_activation(dict(type=kind), 1)
        curves = slopes(binarizer, x)
        for progress, values in curves.items():
            label = f'p = {progress:g}' if len(curves) > 1 else None
            axis.plot(x.tolist(), values.tolist(), linewidth=1.2, label=label)
        axis.set_title(kind.__name__, fontsize=10)
        axis.axhline(0, color='0.8', linewidth=0.8, zorder=0)
        axis.tick_params(labelsize=7)
        if len(curves) > 1:
            axis.legend(fontsize=7, frameon=False)
    for axis in axes[-1]:
        axis.set_xlabel('x', fontsize=8)
    for row in axes:
        row[0].set_ylabel('dQ/dx', fontsize=8)
    figure.savefig(target, dpi=110)
    plt.close(figure)
