"""Trained 1-bit detectors that come with the package, each with its model card.

A detector is a packed file, ``NAME.safetensors``, beside its card, ``NAME.md``. Importing this
loads nothing; :func:`shipped_model` does.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Optional

from ..errors import unknown

FOLDER = Path(__file__).parent


class Shipped(NamedTuple):
    """A detector of the package.

    Attributes:
        name (str): How it is asked for.
        detects (str): What it finds, for a list.
        config (str): Path below ``configs/``, of its training.
        photograph (Path | None): An image that comes with it.
    """

    name: str
    detects: str
    config: str
    photograph: Optional[Path] = None

    @property
    def path(self) -> Path:
        """The packed file."""
        return FOLDER / f'{self.name}.safetensors'

    @property
    def card(self) -> Path:
        """The model card, Markdown."""
        return FOLDER / f'{self.name}.md'


SHIPPED: Mapping = MappingProxyType(
    {
        each.name: each
        for each in (
            Shipped(
                'digits',
                'handwritten digits, zero to nine, on photographs',
                'faster_rcnn/faster-rcnn_r18_fpn128_recipe-binary-fc_24e_demo-digits.py',
                FOLDER / 'digits.jpg',
            ),
            Shipped(
                'bccd',
                'red and white blood cells and platelets in micrographs',
                'faster_rcnn/faster-rcnn_r18_fpn128_recipe-binary-fc_24e_bccd.py',
            ),
        )
    }
)


def find_shipped(name: str) -> Shipped:
    """The shipped detector of this name.

    Raises:
        ValueError: If there is none; the text lists those there are.

    Examples:
        >>> find_shipped('bccd').path.name
        'bccd.safetensors'
    """
    if name not in SHIPPED:
        raise unknown('shipped models', name, SHIPPED, "shipped_model('{}')")
    return SHIPPED[name]


def shipped_model(name: str):
    """A trained detector of the package, for ``mmdet.apis.inference_detector``.

    Args:
        name (str): Key of :data:`SHIPPED`, such as ``bccd``.

    Returns:
        nn.Module: As :func:`surge_mmdet.deploy.load_packed`.

    Raises:
        ValueError: If there is no such detector.
    """
    found = find_shipped(name)
    from ..deploy import load_packed  # mmdet takes seconds

    return load_packed(found.path)
