"""What mmdet's get_flops.py counts beside convolutions and linear layers.

It counts with MMEngine's ``FlopAnalyzer``: batch norm (2 per value),
upsampling, adaptive pooling, matrix products of attention, and so on. That
very counter runs here, so that the sum of all columns is its total.
"""

from collections import Counter
from dataclasses import replace
from functools import partial

from torch import nn


def own_operations(model: nn.Module, data: dict) -> dict:
    """Module name to Counter: operations inside it, not in its children.

    Args:
        model (nn.Module): A detector built by mmdet.
        data (dict): ``inputs`` and ``data_samples``, preprocessed.
    """
    from mmengine.analysis import FlopAnalyzer

    training, forward = model.training, model.forward
    model.eval().forward = partial(forward, data_samples=data['data_samples'])
    try:
        analyzer = FlopAnalyzer(model, (data['inputs'],))
        analyzer.unsupported_ops_warnings(False)
        analyzer.uncalled_modules_warnings(False).tracer_warnings('none')
        with_children = analyzer.by_module_and_operator()
    finally:
        del model.forward
        model.train(training)
    own = {name: Counter(ops) for name, ops in with_children.items()}
    for name, ops in with_children.items():
        if name:
            own[name.rpartition('.')[0]].subtract(ops)
    return own


def add_other_operations(rows: tuple, model: nn.Module, data: dict, new_row: type) -> tuple:
    """``rows`` with ``other``; new rows for further modules that have any.

    Raises:
        ValueError: If get_flops.py counts less than a layer's ``macs``.
    """
    known, result = {row.name: row for row in rows}, []
    own = own_operations(model, data)
    for name, module in model.named_modules():
        row = known.get(name)
        count = int(sum(own.get(name, {}).values())) - (row.macs if row else 0)
        if count < 0:
            raise ValueError(
                f'get_flops.py counts {-count} operations less than there '
                f'are in {name!r}. In eval mode {type(module).__name__} must '
                'call F.conv2d or F.linear, not a custom autograd.Function'
            )
        if row is None and count:
            row = new_row(name or '(detector)', type(module).__name__, False, 0, calls=0)
        if row is not None:
            result.append(replace(row, other=count))
    return tuple(result)
