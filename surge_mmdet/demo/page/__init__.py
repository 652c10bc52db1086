"""What the pages share: their frame, look and script, and what serves them to this machine."""

from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent
STATIC = FOLDER / 'static'


def framed(**parts: str) -> str:
    """``frame.html`` with the parts of one page.

    Args:
        **parts (str): HTML of ``title``, ``head``, ``how``, ``intro``,
            ``detector``, ``picture`` and ``waiting``.

    Raises:
        KeyError: If one is missing.
    """
    return Template((FOLDER / 'frame.html').read_text('utf-8')).substitute(parts)
