"""Whether the weights of a checkpoint were trained as binary ones."""

from collections.abc import Mapping

from torch import nn

from ..layers.binary_layer import BinaryLayer
from ..registry import SCOPE


def other_precision(model: nn.Module, checkpoint: Mapping) -> str:
    """What is wrong if latent weights would be real ones, or the reverse; else ''.

    A binary detector and its float twin can have parameters of the same names, so
    that the weights of one load into the other, where they mean another thing.

    Args:
        model (nn.Module): Any.
        checkpoint (Mapping): With the record of ``CheckpointReportHook`` in its meta;
            without one nothing can be said.
    """
    record = (checkpoint.get('meta') or {}).get(SCOPE)
    if not record:
        return ''
    trained = len(record['methods'])
    count = sum(isinstance(each, BinaryLayer) for each in model.modules())
    if bool(trained) == bool(count):
        return ''
    return (
        f'{trained or "no"} layers were trained as binary ones, and {count or "none"} are '
        'binary in the config'
    )
