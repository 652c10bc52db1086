"""What only the first iteration shows: unused layers, constant signs."""

import torch


class FirstIteration:
    """Listens to the binary layers until the first iteration has passed.

    Warns of a layer whose inputs all have one sign, and of a layer through
    which no gradient came.

    Args:
        layers (dict[str, BinaryLayer]): Layers that train with SURGE.
        runner (Runner): Its logger takes the warnings.
    """

    def __init__(self, layers: dict, runner) -> None:
        self._layers, self._runner = layers, runner
        self._handles = [
            layer.register_forward_pre_hook(lambda _, args, name=name: self._listen(name, args[0]))
            for name, layer in layers.items()
        ]

    def close(self) -> None:
        """Called after each iteration; works after the first only."""
        if not self._handles:
            return
        while self._handles:
            self._handles.pop().remove()
        unused = [name for name, layer in self._layers.items() if layer.ags.read().steps == 0]
        if unused:
            self._runner.logger.warning(
                f'AGSHook: no gradient passed through {", ".join(unused)} in the first iteration'
            )

    def _listen(self, name: str, x: torch.Tensor) -> None:
        if x.numel() and bool((x >= 0).all()):
            self._runner.logger.warning(
                f'AGSHook: all inputs of {name} are >= 0, so their sign is +1 '
                'everywhere. Remove the ReLU in front of it: act_cfg=None or '
                "act_cfg=dict(type='PReLU')"
            )
