"""Whether the kernels of a packed detector give what plain PyTorch gives.

End to end a packed detector cannot be held against the simulated one digit by
digit: a value that is 0 but for rounding takes the other sign, and with random
weights that spreads over all later maps. So the detector runs twice, once on
its kernels and once in plain PyTorch, in step: each call of the second run
reads what the first one read, and its output is held against the first one's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Optional

from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ....deploy.fused import roi
from ....kernels import bands, maps, ops
from ....kernels.forced import use_kernel
from ..contest import relative_error

ON_EDGES = 1e-3  # share of integers that rounding may change
CALLS = (
    (ops, 'binary_conv'),
    (bands, 'binary_conv_pool'),
    (bands, 'binary_conv_project'),
    (bands, 'binary_conv_onto'),
    (maps, 'direct_conv'),
    (maps, 'direct_conv_pool'),
    (maps, 'pool'),
    (roi, 'region_features'),
)


def packed_error(run: Callable) -> float:
    """The largest error of a call of the kernels.

    It is relative; of signs and integers it is the share that differs, 0 up
    to :data:`ON_EDGES`.

    Args:
        run (Callable): Lets a packed detector find something.

    Raises:
        ValueError: If the kernels are not called, or the two runs differ in
            what they call.
    """
    steps = _Steps()
    with steps.watched():
        run()
        steps.compare()
        with use_kernel(ops.PLAIN):
            run()
    if not steps.seen:
        raise ValueError('no packed layer took part')
    if steps.at != len(steps.seen):
        raise ValueError(f'{len(steps.seen)} calls on kernels, {steps.at} in plain PyTorch')
    return max(steps.errors)


class _Steps:
    """Outputs of the first run, and how far those of the second are off."""

    def __init__(self) -> None:
        self.seen: list[tuple] = []
        self.errors: list[float] = []
        self.at: Optional[int] = None  # the next call of the second run
        self.inside = False

    def compare(self) -> None:
        """From here on it is the second run."""
        self.at = 0

    @contextmanager
    def watched(self) -> Iterator:
        """Watch :data:`CALLS` for a while."""
        before = [(module, name, getattr(module, name)) for module, name in CALLS]
        for module, name, function in before:
            setattr(module, name, self._watching(name, function))
        try:
            yield
        finally:
            for module, name, function in before:
                setattr(module, name, function)

    def _watching(self, name: str, function: Callable) -> Callable:
        def call(*args, **kwargs):
            if self.inside:  # one of them is made of others
                return function(*args, **kwargs)
            self.inside = True
            try:
                return self._step(name, function(*args, **kwargs))
            finally:
                self.inside = False

        return call

    def _step(self, name: str, found):
        if self.at is None:
            self.seen.append((name, _copied(found)))
            return found
        known, first = self.seen[self.at] if self.at < len(self.seen) else ('none', None)
        if known != name:
            raise ValueError(f'call {self.at} is {known} on kernels, {name} in plain PyTorch')
        self.at += 1
        pairs = zip(tree_leaves(first), tree_leaves(found), strict=True)
        self.errors.append(max(_error(a, b) for a, b in pairs))
        return _copied(first)


def _error(got, want) -> float:
    if not isinstance(got, Tensor):
        return 0.0 if got is None and want is None else float('inf')
    if got.is_floating_point():
        return relative_error([got], [want])
    if got.shape != want.shape:
        return float('inf')
    other = got.ne(want).float().mean().item()  # signs and steps of what lies on an edge
    return other if other > ON_EDGES else 0.0


def _copied(found):
    """With copies of the tensors: what follows may work in place."""
    return tree_map(lambda x: x.clone() if isinstance(x, Tensor) else x, found)
