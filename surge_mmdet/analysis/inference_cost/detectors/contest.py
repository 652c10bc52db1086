"""Who takes part in the benchmark of detectors, and how their values are checked."""

import copy
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from ....kernels import ops
from ....kernels.forced import use_kernel
from ..contest import Contestant, Pace, Runner, overall_error, relative_error
from ..part import Part
from ..runtimes import OTHERS, TORCH, Runtime, build
from . import models
from .check import packed_error
from .data import Images
from .network import Detector, Shape, Trunk, box_head, dense_head, of_one_size

PACKED, PACKED_FLOAT, SIMULATED = 'packed', 'packed, real layers float32', 'simulated'
OWN_REST = ', our RoIAlign and NMS'
# Of those whose rest might be ours: the fastest there are.
WITH_OWN_REST = ('torch float32', 'OpenVINO float32', 'ONNX Runtime int8', 'OpenVINO int8')
LABELS = (
    *(PACKED, PACKED_FLOAT, SIMULATED),
    *(r.label for r in (*TORCH, *OTHERS)),
    *(n + OWN_REST for n in WITH_OWN_REST),
)


class Tolerance(NamedTuple):
    """How far maps may be off; bfloat16 and int8 over all maps as if they were one.

    ``packed`` is that of each call, see :func:`packed_error`: PyTorch adds the
    products of real layers in another order.

    int8 is judged by its AP; here it only has to be the same network.
    """

    float32: float = 1e-3
    bfloat16: float = 1e-1
    int8: float = 4e-1
    packed: float = 1e-4


TOLERANCE = Tolerance()


class FloatTwin:
    """The float detector that the other runtimes run, and its parts for them.

    Args:
        model (nn.Module): With folded norms.
        images (Images): The timed one, and those for calibration.
    """

    def __init__(self, model: nn.Module, images: Images) -> None:
        self.model, self.images = model, images
        self.inputs = [self._input(b) for b in images.calibration]
        self.shape = Shape.of(model, self._input(images.timed))

    def _input(self, batch: dict) -> Tensor:
        return self.model.data_preprocessor(copy.deepcopy(batch), False)['inputs']

    @cached_property
    def trunk(self) -> Part:
        """Image to maps."""
        trunk = Trunk(copy.deepcopy(self.model)).eval()
        return Part(trunk, self._input(self.images.timed), self.inputs)

    @cached_property
    def boxes(self) -> Optional[Part]:
        """Region features to scores and offsets; None for a one-stage detector."""
        if box_head(self.model) is None:
            return None
        seen: list[Tensor] = []
        twin = copy.deepcopy(self.model)
        hook = box_head(twin).register_forward_pre_hook(lambda _, x: seen.append(x[0].clone()))
        with torch.no_grad():
            for batch in (self.images.timed, *self.images.calibration):
                twin(**twin.data_preprocessor(copy.deepcopy(batch), False), mode='predict')
        hook.remove()
        example = seen[0].contiguous()
        whole = [x.contiguous() for x in seen[1:] if len(x) == len(example)]
        return Part(box_head(twin), example, whole or [example])

    @property
    def want(self) -> tuple:
        """The maps, and what the box head gives for its example."""
        return self.trunk.want + (self.boxes.want if self.boxes else ())

    def runtime(self, runtime: Runtime, pace: Pace, own_rest: bool) -> Detector:
        """The detector with its network in this runtime."""
        trunk, boxes = _in_float32(build(runtime, self.trunk, pace)), None
        if runtime in OTHERS:
            trunk = of_one_size(trunk, self.trunk.example.shape)
        if self.boxes:
            boxes = _in_rows(build(runtime, self.boxes, pace), len(self.boxes.example))
        rest = copy.deepcopy(self.model)
        rest = models.with_packed_rest(rest) if own_rest else rest
        kernel = None if own_rest else ops.PLAIN  # mmdet and mmcv as they are
        return Detector(rest, self.shape, trunk, boxes, pace.now, kernel)


def _in_rows(run: Callable, rows: int) -> Callable:
    """Runs a part of a fixed number of rows on any number: in pieces, the last filled up."""
    run = _in_float32(run)

    def run_pieces(x: Tensor) -> tuple:
        if len(x) == rows:
            return run(x)
        found = []
        for piece in x.split(rows):
            filled = piece.new_zeros(rows, *piece.shape[1:])
            filled[: len(piece)] = piece
            found.append([out[: len(piece)].clone() for out in run(filled)])
        return tuple(torch.cat(each) for each in zip(*found, strict=True))

    return run_pieces


def _in_float32(run: Callable) -> Callable:
    return lambda x: tuple(out.float() for out in run(x))


class Field:
    """One detector in all its forms, and its contestants.

    Args:
        binary (nn.Module): The detector with binary layers.
        twin (nn.Module): Its float twin.
        images (Images): What to run on.
        pace (Pace): Its threads, clock and instruction set.

    Attributes:
        detectors (dict[str, Detector]): Those that were built, by label.
    """

    def __init__(self, binary: nn.Module, twin: nn.Module, images: Images, pace: Pace) -> None:
        self.binary, self.images, self.pace = binary, images, pace
        self.twin = FloatTwin(models.folded(twin), images)
        self.detectors: dict[str, Detector] = {}

    def contestants(self) -> Iterator[Contestant]:
        """All of them, ours first."""
        for label, real_compute in ((PACKED, None), (PACKED_FLOAT, 'float32')):
            make = partial(self._packed, label, real_compute)
            yield Contestant(label, 'ours', make, TOLERANCE.packed)
        yield Contestant(SIMULATED, 'simulated', self._simulated, TOLERANCE.packed)
        for runtime in (*TORCH, *OTHERS):
            yield self._other(runtime)
        for runtime in (*TORCH, *OTHERS):
            if runtime.label in WITH_OWN_REST:
                yield self._other(runtime, own_rest=True)

    def _packed(self, label: str, real_compute: Optional[str]) -> Runner:
        model = models.packed(self.binary, real_compute)
        run = partial(self._own(label, model).predict, self.images.timed)
        return Runner(run, lambda: packed_error(run))

    def _simulated(self) -> Runner:
        detector = self._own(SIMULATED, _channels_last(self.binary), ops.PLAIN)
        return self._runner(detector, self._simulated_values)

    def _simulated_values(self) -> tuple:
        """What the simulated detector's modules give when mmdet calls them."""
        model, boxes = _channels_last(self.binary), self.twin.boxes
        with torch.no_grad(), use_kernel(ops.PLAIN):
            features = model.extract_feat(self._input)
            found, _ = tree_flatten(dense_head(model)(features))
            found = [*features, *found] if hasattr(model, 'roi_head') else found
            return (*found, *box_head(model)(boxes.example)) if boxes else tuple(found)

    def _own(self, label: str, model: nn.Module, kernel: Optional[str] = None) -> Detector:
        """One that runs its own modules, on the best kernel or this one."""
        shape, trunk, boxes = Shape.of(model, self._input), Trunk(model), box_head(model)
        boxes = None if boxes is None else copy.copy(boxes)  # its forward is taken over
        found = Detector(model, shape, trunk, boxes, self.pace.now, kernel)
        self.detectors[label] = found
        return found

    def _other(self, runtime: Runtime, own_rest: bool = False) -> Contestant:
        label, kind = runtime.label, runtime.kind
        if own_rest:
            label, kind = label + OWN_REST, f'{kind}, our rest'

        def ready() -> Runner:
            detector = self.twin.runtime(runtime, self.pace, own_rest)
            self.detectors[label] = detector
            exact = runtime.kind == 'float32'
            error_of = relative_error if exact else overall_error
            return self._runner(detector, lambda: self.twin.want, error_of)

        return Contestant(label, kind, ready, getattr(TOLERANCE, runtime.kind))

    def _runner(
        self, detector: Detector, want: Callable, error_of: Callable = relative_error
    ) -> Runner:
        """One whose values are its maps, and what its box head gives for the twin's regions."""
        boxes = self.twin.boxes

        def values() -> tuple:
            found = detector.maps(self._input)
            return (*found, *detector.of_regions(boxes.example)) if boxes else found

        return Runner.checked(partial(detector.predict, self.images.timed), want, values, error_of)

    @cached_property
    def _input(self) -> Tensor:
        return self.binary.data_preprocessor(copy.deepcopy(self.images.timed), False)['inputs']


def _channels_last(model: nn.Module) -> nn.Module:
    """As it is trained and tested, in the faster layout; a copy."""
    return models.keep_mmcv_right(copy.deepcopy(model).to(memory_format=torch.channels_last))
