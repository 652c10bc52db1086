"""Complexity of the detector of a config, and its exact numbers."""

from dataclasses import dataclass
from typing import Optional

import torch

from ..loading import EXAMPLE, build_detector, load_config, pipeline_shape
from .count import Complexity, detector_complexity

SUMS = ('binary_parameters', 'real_parameters', 'scales', 'buffers')


@dataclass(frozen=True)
class Report:
    """Complexity of the detector of one config, and of its FP32 twin."""

    config: str
    shape: tuple
    own: Complexity

    @property
    def twin(self) -> Complexity:
        """The same structure with every layer in float32."""
        return self.own.fp32_twin

    def input_text(self) -> str:
        """Input size, padding and proposals in words."""
        padded = self.own.input_shape
        text = f'{self.shape[0]}x{self.shape[1]}'
        if padded != self.shape:
            text += f' padded to {padded[0]}x{padded[1]}'
        if self.own.proposals is not None:
            text += f', {self.own.proposals} proposals'
        return text

    def summary(self) -> dict:
        """Everything but the layers, with exact numbers."""
        own, twin = self.own, self.twin
        return {
            'config': self.config,
            'height': self.shape[0],
            'width': self.shape[1],
            'padded_height': own.input_shape[0],
            'padded_width': own.input_shape[1],
            'proposals': own.proposals,
            **_numbers(own),
            'fp32_parameters': twin.total('real_parameters'),
            'get_flops_total': twin.flops + own.total('other'),
        }

    def layer_rows(self) -> list:
        """Exact numbers of each layer, and of its FP32 twin."""
        return [
            {
                'layer': row.name,
                'type': row.kind,
                'bits': 1 if row.binary else 32,
                'calls': row.calls,
                **_numbers(Complexity((row,))),
            }
            for row in self.own.layers
        ]

    def total_row(self) -> dict:
        """The columns of :meth:`layer_rows` for the whole detector."""
        calls = self.own.total('calls')
        return {'layer': 'total', 'type': '', 'bits': '', 'calls': calls, **_numbers(self.own)}


def config_report(
    path: str, shape: Optional[tuple] = None, options: Optional[dict] = None
) -> Report:
    """Build the detector of a config and count it.

    Args:
        path (str): A config file, or ``mmdet::`` and one that mmdet ships.
        shape (tuple | None): (height, width) of the image in pixels; None
            takes the scale of the config's test pipeline.
        options (dict | None): Overrides, as ``--cfg-options``.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If the model cannot be built, is no detector or fails on
            the input.
    """
    cfg = load_config(path, options)
    # Random weights decide how many proposals survive: the same each time.
    torch.manual_seed(0)
    model = build_detector(cfg, path, f'get_ops.py {EXAMPLE}')
    if shape is None:
        shape = pipeline_shape(cfg, path, f'get_ops.py {path} --shape 600 1000 (height width)')
    return Report(str(path), tuple(shape), detector_complexity(model, *shape, other=True))


def _numbers(own: Complexity) -> dict:
    twin = own.fp32_twin
    return {
        'flops': own.flops,
        'bops': own.bops,
        'ops': own.ops,
        'other': own.total('other'),
        **{name: own.total(name) for name in SUMS},
        'megabytes': own.megabytes,
        'fp32_flops': twin.flops,
        'fp32_megabytes': twin.megabytes,
    }
