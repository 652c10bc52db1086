"""``costs.json`` in the folder of a study."""

from pathlib import Path
from typing import Optional

from ...left_files import read_left

FILE = 'costs.json'


def read_costs(folder: Path) -> Optional[dict]:
    """What ``--costs`` has measured; None if nothing has been."""
    file = folder / FILE
    mend = 'Remove it, and measure with --costs once more.'
    return read_left(file, dict, mend) if file.exists() else None
