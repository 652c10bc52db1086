"""Shows, layer by layer, how the binary part of a network trains."""

import torch
from mmengine.hooks import Hook

from ...layers.statistics import constant_channels, flip_rate, saturation
from ...registry import HOOKS
from ..bare_model import bare_model
from ..layer_access import PUBLISHED, binary_layers, monitor


@HOOKS.register_module()
class BinaryMonitorHook(Hook):
    """Publishes statistics of each binary layer every so many iterations.

    Into the message hub, and so into the JSON log and TensorBoard, go for
    each layer, as ``binary.<statistic>.<layer>``:

    - ``flips``: share of weights whose sign changed since the last time,
    - ``saturated_x``, ``saturated_w``: share of |x| and of the latent |W|
      beyond 1, where the clipped estimator passes nothing,
    - ``constant_x``: share of input channels, ``constant_w``: of filters,
      of constant sign,
    - with SURGE ``lambda``, ``norm_b``, ``norm_a``, ``cosine`` of AGS.

    ``tools/analysis_tools/plot_binary_stats.py WORK_DIR`` draws them. Between
    its iterations the hook costs nothing.

    Args:
        interval (int): Measure every so many iterations.

    Raises:
        ValueError: If ``interval`` is not positive, or, before training, if
            the model has no binary layer.
    """

    priority = 55  # behind AGSHook (50), in front of the logger (60)

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(
                f'BinaryMonitorHook: interval must be >= 1, got {interval}. '
                "Write dict(type='surge_mmdet.BinaryMonitorHook', "
                'interval=50).'
            )
        self.interval = interval

    def before_train(self, runner) -> None:
        """Remember the signs of all weights."""
        self._layers = binary_layers(bare_model(runner))
        if not self._layers:
            raise ValueError(
                'BinaryMonitorHook: the model has no binary layer. Remove '
                'the hook, or write policy=dict() for a part of the model.'
            )
        self._signs = {name: layer.weight.detach() >= 0 for name, layer in self._layers.items()}
        self._inputs, self._handles = {}, []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Listen to the inputs of an iteration that will be published."""
        if (runner.iter + 1) % self.interval:
            return
        for name, layer in self._layers.items():
            monitor(layer, True)
            self._handles.append(
                layer.register_forward_pre_hook(
                    lambda module, args, name=name: self._listen(name, args[0])
                )
            )

    @torch.no_grad()
    def _listen(self, name: str, x: torch.Tensor) -> None:
        if x.numel():
            self._inputs.setdefault(name, []).append((saturation(x), constant_channels(x)))

    @torch.no_grad()
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Publish, and let go of the inputs."""
        if (runner.iter + 1) % self.interval:
            return
        while self._handles:
            self._handles.pop().remove()
        for name, layer in self._layers.items():
            for key, value in self._measure(name, layer).items():
                runner.message_hub.update_scalar(f'train/binary.{key}.{name}', value)
        self._inputs.clear()

    def _measure(self, name: str, layer) -> dict:
        signs = layer.weight >= 0
        found = dict(
            flips=flip_rate(self._signs[name], signs),
            saturated_w=saturation(layer.weight),
            constant_w=constant_channels(layer.weight, 0),
        )
        self._signs[name] = signs
        calls = self._inputs.get(name)
        if calls:  # a layer on several maps: their mean
            found['saturated_x'], found['constant_x'] = (
                torch.stack(column).mean() for column in zip(*calls, strict=True)
            )
        if layer.compensated:
            newest = layer.ags.read()
            found.update({label: getattr(newest, field) for field, label in PUBLISHED.items()})
            monitor(layer, False)
        return {key: value.item() for key, value in found.items()}
