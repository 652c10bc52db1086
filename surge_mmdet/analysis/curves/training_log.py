"""Reading MMEngine's JSON log."""

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
