"""Shows, layer by layer, how the binary part of a network trains."""

from copy import deepcopy

import torch
from mmengine.hooks import Hook

from ...layers.statistics import constant_channels, flip_rate, saturation, smoothness
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
      beyond the ``clip`` of their binarizer, where its surrogate passes
      nothing; not published where it has no such bound,
    - ``constant_x``: share of input channels, ``constant_w``: of filters,
      of constant sign,
    - with SURGE ``lambda``, ``norm_b``, ``norm_a``, ``cosine`` of AGS, and
      ``smooth_a``: share of W_a's energy that is the same in all of a
      kernel's taps. Where it grows, the auxiliary path only averages.

    Where a binarizer transforms x or W in front of the sign (a threshold, a
    normalisation), they are those of what the sign is taken of.

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
        self._signs = {name: _signed_weight(layer) >= 0 for name, layer in self._layers.items()}
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
            binarizer = self._layers[name].activation
            u = _before_sign(binarizer, x)
            found = dict(_saturated('x', binarizer, u), constant_x=constant_channels(u))
            self._inputs.setdefault(name, []).append(found)

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
        weight = _signed_weight(layer)
        signs = weight >= 0
        found = dict(
            flips=flip_rate(self._signs[name], signs),
            **_saturated('w', layer.weight_rule, weight),
            constant_w=constant_channels(weight, 0),
        )
        self._signs[name] = signs
        calls = self._inputs.get(name, [])
        for key in calls[0] if calls else ():  # a layer on several maps: their mean
            found[key] = torch.stack([call[key] for call in calls]).mean()
        if layer.compensated:
            newest = layer.ags.read()
            found.update({label: getattr(newest, field) for field, label in PUBLISHED.items()})
            auxiliary = layer.auxiliary()
            if auxiliary.dim() == 4 and auxiliary[0, 0].numel() > 1:
                found['smooth_a'] = smoothness(auxiliary)
            monitor(layer, False)
        return {key: value.item() for key, value in found.items()}


def _signed_weight(layer) -> torch.Tensor:
    return _before_sign(layer.weight_rule, layer.weight)


@torch.no_grad()
def _before_sign(binarizer, values: torch.Tensor) -> torch.Tensor:
    """What ``binarizer`` takes the sign of; its own state stays as it is."""
    if 'transform' not in binarizer.own_parts:
        return values.detach()
    return deepcopy(binarizer).transform(values.detach())


def _saturated(of: str, binarizer, values: torch.Tensor) -> dict:
    clip = getattr(binarizer, 'clip', None)
    return {} if clip is None else {f'saturated_{of}': saturation(values, clip)}
