"""Who takes part in the benchmark of single layers."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from .contest import TOLERANCE, Contestant, Outcome, Pace, Runner, compete
from .layers import DEPTH, Chain, Geometry, LayerSet, layer_input
from .part import Part
from .runtimes import LAYERS_ONLY, OTHERS, TORCH, build, open_vino_binary, packed

BITS_IN, FLOAT_IN, FUSED = 'packed, bits in', 'packed, float in', 'packed, fused'
BINARY, BINARY_CHAIN = 'OpenVINO binary', f'OpenVINO binary, chain of {DEPTH}'
SIMULATED = 'simulated'
RUNTIMES = (*TORCH, *OTHERS, *LAYERS_ONLY)
LABELS = (
    *(BITS_IN, FLOAT_IN, FUSED, *(runtime.label for runtime in RUNTIMES)),
    *(BINARY, BINARY_CHAIN, SIMULATED),
)


def measure(layers: LayerSet, pace: Pace) -> dict:
    """Let all contestants run each layer of a set, layer by layer.

    Args:
        layers (LayerSet): The layers.
        pace (Pace): How they are timed.

    Returns:
        dict[str, dict[str, Outcome]]: By layer, by label.
    """
    return {
        name: compete_in(geometry, layers.residual, pace)
        for name, geometry in layers.layers.items()
    }


def compete_in(geometry: Geometry, residual: bool, pace: Pace) -> dict[str, Outcome]:
    """Let all contestants run one layer; ``residual`` as in :class:`LayerSet`."""
    torch.set_num_threads(pace.threads)
    return compete(Field(geometry, residual, pace).contestants(), pace)


class Field:
    """One layer in all its forms, and its contestants.

    Args:
        geometry (Geometry): The layer.
        residual (bool): With shortcut and activation, :data:`DEPTH` in a chain.
        pace (Pace): Its threads and instruction set.
    """

    def __init__(self, geometry: Geometry, residual: bool, pace: Pace) -> None:
        self.x = layer_input(geometry)
        self.real = Part(Chain.of(geometry, residual), self.x)
        self.signs = Part(self.real.module.of_signs(), self.x)
        self.bits = Part(self.real.module.of_signs(low=0.0), self.x)
        self.chained = not residual and not geometry.rows and geometry.square
        self.residual, self.pace = residual, pace
        self.depth = DEPTH if residual else 1

    def contestants(self) -> Iterator[Contestant]:
        """All of them, ours first."""
        yield from self._ours(self.real.module)
        for runtime in RUNTIMES:
            yield Contestant(
                runtime.label,
                runtime.kind,
                partial(self._ready, partial(build, runtime, self.real, self.pace), self.real),
                getattr(TOLERANCE, runtime.kind),
                self.depth,
            )
        make = partial(open_vino_binary.bits, self.bits, self.pace.threads)
        yield self._binary(BINARY, 'binary', make, self.bits)
        if self.chained:
            part = Part(Chain(list(self.bits.module.layers) * DEPTH), self.x)
            make = partial(open_vino_binary.bits, part, self.pace.threads)
            yield self._binary(BINARY_CHAIN, 'binary', make, part, DEPTH)
        yield self._binary(SIMULATED, 'simulated', lambda: self.signs, self.signs)

    def _ours(self, chain: Chain) -> Iterator[Contestant]:
        if self.residual:
            yield self._binary(FUSED, 'ours', partial(packed.fused_chain, chain), self.signs)
            return
        yield Contestant(BITS_IN, 'ours', self._bits_in, TOLERANCE.binary)
        yield self._binary(FLOAT_IN, 'ours', partial(packed.from_floats, chain), self.signs)

    def _bits_in(self) -> Runner:
        run, values = packed.from_bits(self.real.module, self.x)
        return Runner.checked(run, lambda: self.signs.want, values)

    def _binary(
        self, label: str, kind: str, make: Callable, part: Part, depth: int = 0
    ) -> Contestant:
        """One that has to give what a part of signs or bits gives."""
        depth = depth or self.depth
        tolerance = TOLERANCE.binary if depth == 1 else TOLERANCE.binary_chain
        return Contestant(label, kind, partial(self._ready, make, part), tolerance, depth)

    def _ready(self, make: Callable, part: Part) -> Runner:
        """What ``make`` gives, on the input; it has to give what ``part`` does."""
        run = make()
        return Runner.checked(lambda: run(self.x), lambda: part.want)
