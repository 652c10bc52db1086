"""``costs.json`` in the folder of a study."""

import json
from pathlib import Path
from typing import Optional

FILE = 'costs.json'


def read_costs(folder: Path) -> Optional[dict]:
    """What ``--costs`` has measured; None if nothing has been."""
    file = folder / FILE
    return json.loads(file.read_text()) if file.exists() else None
