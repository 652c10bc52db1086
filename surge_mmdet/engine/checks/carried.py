"""Binarizers with a loss, or a step of their own, need somebody who calls them."""

from torch import nn

from ..bare_model import bare_model
from ..layer_access import binary_layers


def carried_binarizers(model: nn.Module) -> dict:
    """Name to (layer, binarizer) of those that ``BinarizerHook`` has to call.

    A binarizer says so by having one of ``surge_mmdet.binarizers.base.CARRIED``;
    a layer whose weight is frozen has nothing to call for its weight rule.
    """
    return {
        f'{name}.{role}': (layer, getattr(layer, role))
        for name, layer in binary_layers(model).items()
        for role in ('activation', 'weight_rule')
        if getattr(layer, role).carried and (role == 'activation' or layer.weight.requires_grad)
    }


def check_carried(runner) -> None:
    """Refuse binarizers whose loss or step nobody calls.

    Args:
        runner (Runner): A hook that calls them has a true attribute
            ``carries_binarizers``, as :class:`BinarizerHook` does.

    Raises:
        ValueError: If there is no such hook; the text shows the line.
    """
    found = carried_binarizers(bare_model(runner))
    if not found or any(getattr(hook, 'carries_binarizers', False) for hook in runner.hooks):
        return
    shown = ', '.join(list(found)[:3]) + (', ...' if len(found) > 3 else '')
    names = sorted({name for _, binarizer in found.values() for name in binarizer.carried})
    raise ValueError(
        f'{len(found)} binarizers have {", ".join(names)} ({shown}), and no hook calls it. Write '
        "default_hooks=dict(binarizers=dict(type='surge_mmdet.BinarizerHook'))."
    )
