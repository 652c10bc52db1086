"""Replacing modules inside a model: the one way for all who do it."""

from typing import Callable, Optional

from torch import nn


def swap(model: nn.Module, twin_of: Callable[[str, nn.Module], Optional[nn.Module]]) -> dict:
    """Replace modules of ``model`` in place, wherever they are held.

    A module that several others hold (the heads of RTMDet share theirs
    between levels) is asked for once, under its first name, and replaced
    everywhere by one twin. What is inside a replaced module is not asked for.

    Args:
        model (nn.Module): Changed in place; it is itself never replaced.
        twin_of (Callable): (name in the model, module) to the module that
            takes its place, or None to keep it.

    Returns:
        dict[str, tuple]: First name to (old, new) of what was replaced, in
        the order of the model.

    Examples:
        >>> net = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))
        >>> found = swap(net, lambda name, m: nn.PReLU() if isinstance(m, nn.ReLU) else None)
        >>> list(found), net[0]
        (['0'], PReLU(num_parameters=1))
    """
    twins, found, inside = {}, {}, set()
    for name, module in model.named_modules():
        if not name or module in inside:
            continue
        twin = twin_of(name, module)
        if twin is not None:
            twins[module], found[name] = twin, (module, twin)
            inside.update(module.modules())
    for parent in list(model.modules()):
        for key, child in list(parent._modules.items()):
            if child in twins:
                setattr(parent, key, twins[child])
    return found
