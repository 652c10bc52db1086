"""One figure of all binary layers, by depth and time."""

import numpy as np

from .training_log import read_scalars

PREFIX = 'binary.'
TITLES = dict(
    flips='flipped weights',
    saturated_x='|x| > clip',
    saturated_w='|W| > clip',
    constant_x='input channels of constant sign',
    constant_w='filters of constant sign',
    norm_b='||g_b||, log10',
    norm_a='||g_a||, log10',
    cosine='cos(g_a, g_b)',
    smooth_a='W_a alike in all taps',
)
TITLES['lambda'] = 'lambda'
LEAST = 0.01  # upper end of a scale of shares, so that zeros look like zeros


def read_statistics(work_dir) -> dict:
    """Statistic to (iterations, layer names, values (layers, times)).

    Raises:
        ValueError: If the run had no BinaryMonitorHook.
    """
    rows = {
        row['iter']: row
        for row in read_scalars(work_dir)
        if any(key.startswith(PREFIX) for key in row)
    }
    if not rows:
        raise ValueError(
            f'{work_dir} has no statistics of binary layers. Train with '
            "custom_hooks=[dict(type='surge_mmdet.BinaryMonitorHook')]."
        )
    found = {}
    iterations = sorted(rows)
    for statistic in TITLES:
        prefix = f'{PREFIX}{statistic}.'
        layers = [k[len(prefix) :] for k in rows[iterations[-1]] if k.startswith(prefix)]
        if layers:
            values = [[rows[i].get(prefix + layer, np.nan) for i in iterations] for layer in layers]
            found[statistic] = (iterations, layers, np.array(values))
    return found


def plot_statistics(work_dir, target) -> None:
    """Draw a panel per statistic: layers downwards by depth, time across.

    Args:
        work_dir (str | Path): A training with ``BinaryMonitorHook``.
        target (str | Path): Picture file.
    """
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    found = read_statistics(work_dir)
    every = found['flips'][1]  # the names beside the first column are those of its row
    columns = 3
    rows = -(-len(found) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        squeeze=False,
        layout='constrained',
        figsize=(5.5 * columns, rows * (1.2 + 0.13 * len(every))),
    )
    for axis in axes.flat[len(found) :]:
        axis.axis('off')
    for axis, (name, panel) in zip(axes.flat, found.items(), strict=False):
        _panel(figure, axis, name, *in_rows(every, *panel))
    for row in axes[:, 1:]:
        for axis in row:
            axis.set_yticklabels([])
    figure.savefig(target, dpi=110)
    plt.close(figure)


def in_rows(every: list, iterations: list, layers: list, values: np.ndarray) -> tuple:
    """A panel with a row for each layer, empty where there is no such statistic."""
    whole = np.full((len(every), len(iterations)), np.nan)
    whole[[every.index(layer) for layer in layers]] = values
    return iterations, every, whole


def colour_range(name: str, values: np.ndarray) -> tuple:
    """Ends of the colours: shares and lambda start at 0, others anywhere."""
    if name == 'cosine' or name.startswith('norm'):
        return None, None
    return 0, max(float(np.nanmax(values)), LEAST)


def _panel(figure, axis, name: str, iterations: list, layers: list, values: np.ndarray) -> None:
    low, high = colour_range(name, values)
    if name.startswith('norm'):
        values = np.log10(np.maximum(values, 1e-12))
    image = axis.imshow(values, aspect='auto', interpolation='nearest', vmin=low, vmax=high)
    figure.colorbar(image, ax=axis)
    axis.set_title(TITLES[name], fontsize=10)
    axis.set_yticks(range(len(layers)), layers, fontsize=6)
    ticks = np.linspace(0, len(iterations) - 1, min(5, len(iterations)))
    axis.set_xticks(ticks, [iterations[round(t)] for t in ticks], fontsize=7)
    axis.set_xlabel('iteration', fontsize=8)
