"""Who takes part in the benchmark of single layers."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from .contest import TOLERANCE, Contestant, Outcome, Runner, compete
from .instruction_sets import NATIVE
from .layers import DEPTH, Chain, Geometry, LayerSet, layer_input
from .part import Part
from .runtimes import LAYERS_ONLY, OTHERS, TORCH, build, open_vino_binary, packed

BITS_IN, FLOAT_IN, FUSED = 'packed, bits in', 'packed, float in', 'packed, fused'
BINARY, BINARY_CHAIN = 'OpenVINO binary', f'OpenVINO binary, chain of {DEPTH}'
SIMULATED = 'simulated'
RUNTIMES = (*TORCH, *OTHERS, *LAYERS_ONLY)


def measure(layers: LayerSet, threads: int, rounds: int, warmup: int, isa: str = NATIVE) -> dict:
    """Let all contestants run each layer of a set, layer by layer.

    Args:
        layers (LayerSet): The layers.
        threads (int): For every contestant.
        rounds, warmup (int): Rounds that count, and those before.
        isa (str): What the environment holds the process to.

    Returns:
        dict[str, dict[str, Outcome]]: By layer, by label.
    """
    torch.set_num_threads(threads)
    return {
        name: compete_in(geometry, layers.residual, threads, rounds, warmup, isa)
        for name, geometry in layers.layers.items()
    }


def compete_in(
    geometry: Geometry, residual: bool, threads: int, rounds: int, warmup: int, isa: str = NATIVE
) -> dict[str, Outcome]:
    """Let all contestants run one layer; arguments as :func:`measure`."""
    field = Field(geometry, residual, threads, isa)
    return compete(list(field.contestants()), rounds, warmup)


class Field:
    """One layer in all its forms, and its contestants.

    Args:
        geometry (Geometry): The layer.
        residual (bool): With shortcut and activation, :data:`DEPTH` in a chain.
        threads (int): For every contestant.
        isa (str): See :func:`measure`.
    """

    def __init__(self, geometry: Geometry, residual: bool, threads: int, isa: str) -> None:
        self.x = layer_input(geometry)
        self.real = Part(Chain.of(geometry, residual), self.x)
        self.signs = Part(self.real.module.of_signs(), self.x)
        self.bits = Part(self.real.module.of_signs(low=0.0), self.x)
        self.chained = not residual and not geometry.rows and geometry.square
        self.residual, self.threads, self.isa = residual, threads, isa
        self.depth = DEPTH if residual else 1

    def contestants(self) -> Iterator[Contestant]:
        """All of them, ours first."""
        chain = self.real.module
        if self.residual:
            yield self._binary(FUSED, 'ours', lambda: self._runner(packed.fused_chain(chain)))
        else:
            yield self._binary(BITS_IN, 'ours', lambda: packed.from_bits(chain, self.x))
            yield self._binary(FLOAT_IN, 'ours', lambda: self._runner(packed.from_floats(chain)))
        for runtime in RUNTIMES:
            yield Contestant(
                runtime.label,
                runtime.kind,
                lambda r=runtime: self._runner(build(r, self.real, self.threads, self.isa)),
                lambda: self.real.want,
                getattr(TOLERANCE, runtime.kind),
                self.depth,
            )
        yield self._open_vino(BINARY, self.bits, self.depth)
        if self.chained:
            four = Part(Chain(list(self.bits.module.layers) * DEPTH), self.x)
            yield self._open_vino(BINARY_CHAIN, four, DEPTH)
        yield self._binary(SIMULATED, 'simulated', lambda: self._runner(self.signs))

    def _binary(self, label: str, kind: str, make: Callable) -> Contestant:
        """One that has to give what the layers of signs give."""
        tolerance = TOLERANCE.binary if self.depth == 1 else TOLERANCE.binary_chain
        return Contestant(label, kind, make, lambda: self.signs.want, tolerance, self.depth)

    def _open_vino(self, label: str, part: Part, depth: int) -> Contestant:
        tolerance = TOLERANCE.binary if depth == 1 else TOLERANCE.binary_chain
        make = partial(open_vino_binary.bits, part, self.threads)
        return Contestant(
            label, 'binary', lambda: self._runner(make()), lambda: part.want, tolerance, depth
        )

    def _runner(self, run: Callable[[Tensor], tuple]) -> Runner:
        return Runner.of(lambda: run(self.x))
