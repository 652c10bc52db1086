"""Reading MMEngine's JSON log, and the training-curve picture."""

import json
from pathlib import Path


def read_scalars(work_dir) -> list:
    """All logged rows of a run, oldest first, those of resumed parts too.

    Raises:
        FileNotFoundError: If the folder has no scalars.json.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{work_dir} has no */vis_data/scalars.json: it is not the --work-dir of a training'
        )
    return [row for file in files for row in _rows(file)]


def _rows(file: Path) -> list:
    lines = [ln for ln in file.read_text().splitlines() if ln.strip()]
    if lines and not lines[-1].endswith('}'):
        lines.pop()  # a kill has cut it
    return [_named_as_now(json.loads(line)) for line in lines]


def _named_as_now(row: dict) -> dict:
    """Release 0.1.0 logged ``surge/lambda/...`` instead of dots."""
    return {k.replace('/', '.') if k.startswith('surge/') else k: v for k, v in row.items()}


def split_rows(rows: list) -> tuple:
    """Training rows (by iteration) and validation rows (by epoch).

    A resumed part replaces what it repeats.
    """
    train, val = {}, {}
    for row in rows:
        if 'loss' in row:
            train[row['iter']] = row
        elif 'coco/bbox_mAP' in row:
            val[row['step']] = row
    return ([train[k] for k in sorted(train)], [val[k] for k in sorted(val)])


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
