"""mmcv's operators in a model whose maps are channels last."""

from torch import Tensor, nn

OPERATORS = 'mmcv.ops'


def keep_mmcv_right(model: nn.Module) -> nn.Module:
    """Give mmcv's compiled operators contiguous memory, in place.

    On a CPU they read every map and weight as contiguous without asking:
    RoIAlign and modulated deformable convolutions return wrong numbers for
    channels-last maps, which packed convolutions give.

    Args:
        model (nn.Module): With its final memory format.
    """
    for module in model.modules():
        if any(kind.__module__.startswith(OPERATORS) for kind in type(module).__mro__):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.contiguous()
            module.register_forward_pre_hook(_contiguous)
    return model


def _contiguous(module: nn.Module, inputs: tuple) -> tuple:
    return tuple(x.contiguous() if isinstance(x, Tensor) else x for x in inputs)
