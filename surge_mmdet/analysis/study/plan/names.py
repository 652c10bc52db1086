"""Names at the top of a plan: those that a plan has, and misspelt ones.

A plan is a Python file, so it may have variables of its own. One whose name is
nearly that of a key was meant to be that key, and would silently do nothing.
"""

from collections.abc import Mapping

from ....errors import misspelt, near
from .rates import LINE as OPTIMIZERS

NEEDED = dict(
    config="config = 'configs/ablation/faster-rcnn_r18_fpn64_surge_6e_bccd-160x120.py'",
    modules="modules = ('backbone', 'neck', 'rpn_head')",
    methods="methods = ['ste', 'surge', {'eta 0.05': dict(layer=dict(surge=dict(eta=0.05)))}]",
    baseline="baseline = 'ste'",
    tune_seed='tune_seed = 0',
    seeds='seeds = (1, 2, 3)',
    optimizers=OPTIMIZERS,
)
EXAMPLE = 'tools/benchmark/plans/bccd.py'
KEYS = (*NEEDED, 'configs', 'contestants', 'tune_share', 'more_seeds')


def require_names(path: str, found: Mapping) -> None:
    """Refuse names that are nearly those of a key, and a plan that lacks one.

    Args:
        path (str): The plan.
        found (Mapping): Its names and values.

    Raises:
        ValueError: The text shows the corrected lines.
    """
    if 'model' in found and 'methods' not in found:
        raise ValueError(
            f'{path} is the config of a detector, and no plan. Write a plan, such as '
            f'{EXAMPLE}, with config = {path!r}'
        )
    own = [name for name in found if name not in KEYS]
    meant = misspelt(own, KEYS)
    if meant:
        raise ValueError(
            f'{path}: a plan has no {", ".join(meant)}. Write\n'
            + '\n'.join(f'{key} = {found[name]!r}' for name, key in meant.items())
            + '\nor, for a variable of your own, a name that is less like it.'
        )
    lost = [key for key in NEEDED if key not in {*found, 'config'}]
    if lost:
        raise ValueError(
            f'{path} lacks these lines:\n' + '\n'.join(_line(key, own) for key in lost)
        )


def _line(key: str, own: list) -> str:
    like = near(key, own)
    return NEEDED[key] if like is None else f'{NEEDED[key]}  # {like} is another name'
