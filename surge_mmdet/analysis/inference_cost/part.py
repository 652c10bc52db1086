"""A piece of a network that every runtime can take."""

import logging
import tempfile
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Optional

import torch
from torch import Tensor, nn

OPSET = 18


class Part:
    """A module in float32 that takes one tensor of one shape.

    Args:
        module (nn.Module): In eval mode; gives a tensor or a tuple of tensors.
        example (Tensor): Of the shape that it will take.
        calibration (Sequence[Tensor] | None): Inputs as they are met in use,
            for int8; None for the example alone.
    """

    def __init__(
        self, module: nn.Module, example: Tensor, calibration: Optional[Sequence] = None
    ) -> None:
        self.module, self.example = module, example
        self.calibration = list(calibration or [example])

    @torch.no_grad()
    def __call__(self, x: Tensor) -> tuple:
        """The outputs, always as a tuple."""
        return as_tuple(self.module(x))

    @cached_property
    def want(self) -> tuple:
        """The outputs for the example."""
        return self(self.example)

    @cached_property
    def folder(self) -> Path:
        """For files of this part; it is removed with it."""
        self._folder = tempfile.TemporaryDirectory(prefix='surge_mmdet_')
        return Path(self._folder.name)

    @cached_property
    def onnx(self) -> Path:
        """The part in ONNX, of the example's shape.

        Raises:
            ImportError: If ``onnxscript`` or ``onnx`` is missing.
        """
        import onnxscript  # noqa: F401  its absence has to have its own name

        path = self.folder / 'part.onnx'
        logging.getLogger('torch.onnx').setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter('ignore')  # of PyTorch's own exporter
            torch.onnx.export(
                self.module,
                (self.example,),
                str(path),
                input_names=['x'],
                dynamo=True,
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
        return path


def as_tuple(found) -> tuple:
    """A tensor alone as a tuple of one."""
    return (found,) if isinstance(found, Tensor) else tuple(found)
