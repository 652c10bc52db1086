"""Going on from the results of a comparison whose work directory is elsewhere, or gone.

What a comparison leaves to be kept is small: ``results.json`` tells each run by
itself, ``plan.json`` what all have in common. With both a comparison goes on in
an empty folder, on another machine, and trains what is left.
"""

import json
from pathlib import Path
from typing import Union

from ..tables import write_json
from .clashes import FILE, changes, fingerprint
from .process import CONFIG
from .results import ALL, FAILED, RESULT, possible_runs
from .runner import Study
from .runs import Run

OF_A_RUN = tuple(Run.__dataclass_fields__)  # the rest of a row is its result


def require_continuable(study: Study, source: Path) -> None:
    """Refuse a source that is not there, or another plan's.

    Args:
        study (Study): That is to go on.
        source (Path): Folder with the ``results.json`` and ``plan.json`` of a
            comparison.

    Raises:
        ValueError: The text shows the corrected line.
    """
    for name in (ALL, FILE):
        if not (source / name).is_file():
            raise ValueError(
                f'--continue-from: {source} has no {name}. Write the work directory of a '
                'comparison, or a folder with its results.json and plan.json.'
            )
    _rows(source)
    changed = changes(_read(source / FILE, dict), fingerprint(study.plan, study.options))
    if changed:
        raise ValueError(
            f'--continue-from: {source} belongs to another plan: {"; ".join(changed)}. '
            'Leave --continue-from out.'
        )


def continuable(study: Study, source: Path) -> dict:
    """The finished runs of another folder that this one lacks.

    A run that has begun here, or that the plan does not have, is left out, and
    one that failed there.

    Args:
        study (Study): Of a plan that :func:`require_continuable` took.
        source (Path): As there.

    Returns:
        dict: :class:`Run` to result.
    """
    possible, found = set(possible_runs(study.plan)), {}
    for row in _rows(source):
        run = Run(*(row[key] for key in OF_A_RUN))
        folder = study.folder / run.name
        begun = (folder / CONFIG).exists() or (folder / RESULT).exists()
        if run in possible and not begun and FAILED not in row:
            found[run] = {key: row[key] for key in row if key not in OF_A_RUN}
    return found


def continue_from(study: Study, source: Path) -> list:
    """Take what is :func:`continuable`.

    A teacher comes without its checkpoint, and is trained again if students of
    it are left.

    Returns:
        list[Run]: Those that were taken.
    """
    found = continuable(study, source)
    for run, result in found.items():
        write_json(result, study.folder / run.name / RESULT)
    return list(found)


def _rows(source: Path) -> list:
    file = source / ALL
    rows = _read(file, list)
    wrong = [row for row in rows if not isinstance(row, dict) or not _is_whole(row)]
    if wrong:
        raise ValueError(_no_json(file, f'a row is {wrong[0]!r:.80}'))
    return rows


def _is_whole(row: dict) -> bool:
    return all(key in row for key in OF_A_RUN) and ('AP' in row or FAILED in row)


def _read(file: Path, kind: type) -> Union[dict, list]:
    try:
        content = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(_no_json(file, str(error))) from error
    if not isinstance(content, kind):
        raise ValueError(_no_json(file, f'it has a {type(content).__name__}'))
    return content


def _no_json(file: Path, why: str) -> str:
    return (
        f'--continue-from: {file} is not what a comparison writes: {why}. '
        'Copy it again, or leave --continue-from out.'
    )
