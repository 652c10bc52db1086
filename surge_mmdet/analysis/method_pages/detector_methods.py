"""Methods that are losses beside a detector's own, and the shipped configs that have them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...losses import DetectorLoss, InformationBottleneck, SparseObjectPrior
from ..code_tables import registered
from ..loading import load_config

BASE = re.compile(r'[\'"]([\w./-]+\.py)[\'"]')


@dataclass(frozen=True)
class DetectorMethod:
    """Losses that belong together.

    Args:
        label (str): What tables call it.
        kinds (tuple): Types of its losses.
    """

    label: str
    kinds: tuple

    @property
    def name(self) -> str:
        """Of its page."""
        return self.label.lower()

    @property
    def types(self) -> tuple:
        """How configs name its losses."""
        return tuple(f'surge_mmdet.{kind.__name__}' for kind in self.kinds)

    @property
    def needs_teacher(self) -> bool:
        """Whether it compares with a teacher."""
        return any(kind.needs_teacher for kind in self.kinds)


TOGETHER = (DetectorMethod('BiDet', (InformationBottleneck, SparseObjectPrior)),)


@lru_cache
def detector_methods() -> tuple:
    """The losses of this package: each is a method but those that one paper has together."""
    grouped = {kind for method in TOGETHER for kind in method.kinds}
    kinds = {each.kind for each in registered() if _is_loss(each.kind)} - grouped
    alone = [DetectorMethod(kind.__name__, (kind,)) for kind in kinds]
    return tuple(sorted([*alone, *TOGETHER], key=lambda method: method.label.lower()))


def _is_loss(kind) -> bool:
    return isinstance(kind, type) and issubclass(kind, DetectorLoss)


@lru_cache
def shipped_configs(root: Path) -> dict:
    """Type of a loss to the configs that have it.

    Args:
        root (Path): Of the repository.
    """
    found: dict = {}
    for path in _candidates(root):
        model = load_config(str(path)).get('model', {})
        for loss in (*model.get('distillation', ()), *model.get('losses', ())):
            found.setdefault(loss['type'], []).append(path)
    return found


def _candidates(root: Path) -> list:
    """Configs in whose text, or in that of what they inherit from, a loss is named."""
    texts = {path: path.read_text() for path in sorted((root.resolve() / 'configs').glob('*/*.py'))}
    words = [word for method in detector_methods() for word in method.types]
    found = {path for path, text in texts.items() if any(word in text for word in words)}
    before = 0
    while len(found) > before:
        before = len(found)
        found |= {path for path, text in texts.items() if found & _bases(path, text)}
    return sorted(found)


def _bases(path: Path, text: str) -> set:
    return {(path.parent / name).resolve() for name in BASE.findall(text)}
