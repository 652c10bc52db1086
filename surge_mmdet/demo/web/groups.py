"""The detectors of the page: groups of twins that see the same image."""

from pathlib import Path
from statistics import median
from typing import NamedTuple, Optional

import numpy as np

from ...allocator import return_freed_memory
from ...shipped import SHIPPED
from ..detecting import Found
from ..opening import Opened, open_packed, open_trained, open_unpacked, pack

TRIM_EVERY = 50  # images
RUNS = 3  # of each twin, for its time
LEAST = 0.05  # score of a box that is sent; the page shows those above its slider


class Group(NamedTuple):
    """Twins that find the same classes.

    Attributes:
        name (str): For the page and its requests.
        detects (str): What they find.
        twins (tuple[Opened]): Float, simulated, packed; a float one may be missing.
        photograph (Path | None): An image to try.
    """

    name: str
    detects: str
    twins: tuple
    photograph: Optional[Path] = None

    def about(self) -> dict:
        """For the page, as JSON."""
        twins = [
            dict(kind=twin.kind, bytes=twin.bytes, runs_on=twin.runs_on) for twin in self.twins
        ]
        return dict(
            name=self.name,
            detects=self.detects,
            classes=self.twins[0].classes,
            example=self.photograph is not None,
            twins=twins,
        )

    def detect(self, image: np.ndarray) -> list:
        """What each twin finds, as JSON, and the median of its times by turns.

        Args:
            image (np.ndarray): (H, W, 3) uint8, BGR.

        Raises:
            ValueError: If it cannot be resized for them.
        """
        found = [twin.detect(image, LEAST) for twin in self.twins]
        times = [[each.milliseconds] for each in found]
        for _ in range(RUNS - 1):
            for twin, spent in zip(self.twins, times, strict=True):
                spent.append(twin.detect(image, LEAST, set_up=False).milliseconds)
        return [_result(*each) for each in zip(self.twins, found, map(median, times), strict=True)]


class Detectors:
    """All groups. One image at a time is detected in: callers take turns."""

    def __init__(self, groups: list) -> None:
        self.groups = {group.name: group for group in groups}
        self._count = 0

    def detect(self, name: str, image: np.ndarray) -> dict:
        """What the group ``name`` finds in an image.

        Args:
            name (str): Key of ``groups``.
            image (np.ndarray): (H, W, 3) uint8, BGR.
        """
        self._count += 1
        if self._count % TRIM_EVERY == 0:
            return_freed_memory()
        height, width = image.shape[:2]
        return dict(width=width, height=height, results=self.groups[name].detect(image))


def _result(twin: Opened, found: Found, spent: float) -> dict:
    chosen = found.chosen
    rows = zip(chosen.labels.tolist(), chosen.scores.tolist(), chosen.bboxes.tolist(), strict=True)
    boxes = [
        dict(label=label, name=twin.classes[label], score=round(score, 4), box=_rounded(box))
        for label, score, box in rows
    ]
    return dict(kind=twin.kind, milliseconds=round(spent, 2), boxes=boxes)


def _rounded(box: list) -> list:
    return [round(value, 1) for value in box]


def shipped_group(name: str) -> Group:
    """Packed and simulated detector of the package."""
    about = SHIPPED[name]
    return Group(name, about.detects, (open_unpacked(name), open_packed(name)), about.photograph)


def own_group(
    model: Optional[str],
    checkpoint: Optional[str],
    config: Optional[str] = None,
    real: Optional[str] = None,
    real_config: Optional[str] = None,
) -> Group:
    """Twins of a user's own.

    Args:
        model (str | None): Packed file; None to pack the checkpoint.
        checkpoint (str | None): Of the 1-bit detector; None for what the packed file holds.
        config (str | None): Of the checkpoint.
        real (str | None): Checkpoint of the float twin.
        real_config (str | None): Its config.

    Raises:
        OSError, ValueError: If one cannot be opened, or they are no twins.
    """
    twins = []
    if real:
        twins.append(_of_kind(open_trained(real, real_config), 'float', real, '--float'))
    if checkpoint:
        opened = open_trained(checkpoint, config)
        twins.append(_of_kind(opened, 'simulated', checkpoint, '--checkpoint'))
    elif model:
        twins.append(open_unpacked(model))
    twins.append(open_packed(model) if model else pack(checkpoint, config))
    classes = twins[-1].classes
    for twin in twins:
        if twin.classes != classes:
            raise ValueError(
                f'the {twin.kind} detector knows {twin.classes}, the packed one {classes}. Name '
                'detectors that were trained on the same classes'
            )
    shipped = SHIPPED.get(model)
    name = Path(model or checkpoint).stem
    return Group(
        name,
        shipped.detects if shipped else ', '.join(classes),
        tuple(twins),
        shipped.photograph if shipped else None,
    )


def _of_kind(opened: Opened, kind: str, file: str, option: str) -> Opened:
    if opened.kind != kind:
        other = {'float': '--float', 'simulated': '--checkpoint'}[opened.kind]
        raise ValueError(
            f'{file} holds a {opened.kind} detector. Write {other} {file}, not {option}'
        )
    return opened
