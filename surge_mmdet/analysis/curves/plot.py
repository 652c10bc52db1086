"""Training curves of several runs as one picture."""

from .training_log import read_scalars, split_rows


def plot_curves(runs: dict, target) -> None:
    """Draw loss, validation AP, and (if logged) lambda and cosine.

    Args:
        runs (dict): Label to work_dir.
        target (str | Path): Picture file, such as curves.png.
    """
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    logs = {label: split_rows(read_scalars(d)) for label, d in runs.items()}
    has_surge = any('lambda' in key for train, _ in logs.values() for row in train for key in row)
    columns = 4 if has_surge else 2
    figure, axes = plt.subplots(1, columns, figsize=(4.2 * columns, 3.6))
    for label, (train, val) in logs.items():
        _plot_run(axes, label, train, val)
    for axis, title in zip(
        axes, ('training loss', 'validation AP50 (solid), AP (dashed)'), strict=False
    ):
        axis.set_title(title, fontsize=10)
        axis.legend(fontsize=8)
    axes[0].set_xlabel('iteration')
    axes[1].set_xlabel('epoch')
    if has_surge:
        _plot_stages(axes[2:], logs)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def _plot_run(axes, label: str, train: list, val: list) -> None:
    axes[0].plot([r['iter'] for r in train], [r['loss'] for r in train], label=label)
    epochs = [r['step'] for r in val]
    (line,) = axes[1].plot(
        epochs, [r['coco/bbox_mAP_50'] for r in val], marker='o', markersize=3, label=label
    )
    axes[1].plot(
        epochs,
        [r['coco/bbox_mAP'] for r in val],
        '--',
        marker='o',
        markersize=3,
        color=line.get_color(),
    )
    axes[1].set_ylim(0, 1)


def _plot_stages(axes, logs: dict) -> None:
    """lambda and cosine per stage, of the first run that logged them."""
    label, train = next(
        (name, rows)
        for name, (rows, _) in logs.items()
        if any('lambda' in k for r in rows for k in r)
    )
    for axis, field in zip(axes, ('lambda', 'cosine'), strict=True):
        prefix = f'surge.{field}.'
        stages = sorted({k for r in train for k in r if k.startswith(prefix)})
        for key in stages:
            points = [(r['iter'], r[key]) for r in train if key in r]
            axis.plot(*zip(*points, strict=True), label=key[len(prefix) :], linewidth=1)
        axis.set_title(f'{field} per stage ({label})', fontsize=10)
        axis.set_xlabel('iteration')
        axis.legend(fontsize=6, loc='upper right', framealpha=0.6)
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + 0.35 * (high - low))  # room for it
