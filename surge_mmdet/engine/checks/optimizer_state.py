"""Does the state of an optimizer belong to the parameters it is given?

PyTorch compares the number of groups and of their parameters only. Moments
of another shape then crash a fused step, or are broadcast silently.
"""

from collections.abc import Iterator

from torch.optim import Optimizer

# What PyTorch's optimizers keep per element, in the parameter's shape.
MOMENTS = frozenset(
    'exp_avg exp_avg_sq max_exp_avg_sq exp_inf momentum_buffer square_avg grad_avg acc_delta '
    'sum ax prev step_size'.split()
)
# Entries of a group that schedulers and this package add.
ADDED = ('params', 'param_names', 'lr', 'auxiliary')


def optimizer_differences(optimizer: Optimizer, saved: dict) -> list:
    """Why ``saved`` is not the state of ``optimizer``; empty if it may be.

    Args:
        optimizer (Optimizer): As built, before anything is loaded.
        saved (dict): Of ``state_dict()``. Names instead of numbers (FSDP)
            are not judged.
    """
    groups, own = saved['param_groups'], optimizer.param_groups
    if _other_type(groups, own):
        return ['the checkpoint is of another type of optimizer']
    sizes = [[len(group['params']) for group in side] for side in (groups, own)]
    if sizes[0] != sizes[1]:
        return [
            f'its optimizer had {_in_groups(sizes[0])}, and the one built now has '
            f'{_in_groups(sizes[1])}'
        ]
    marks = [[bool(group.get('auxiliary')) for group in side] for side in (groups, own)]
    if marks[0] != marks[1]:
        return ['its auxiliary weights are in other groups of the optimizer']
    numbers = [number for group in groups for number in group['params']]
    parameters = [parameter for group in own for parameter in group['params']]
    states = [saved['state'].get(number, {}) for number in numbers]
    return list(_other_shapes(states, parameters))


def state_differences(optimizer: Optimizer) -> list:
    """As :func:`optimizer_differences`, of what has been loaded already."""
    parameters = [p for group in optimizer.param_groups for p in group['params']]
    return list(_other_shapes([optimizer.state.get(p, {}) for p in parameters], parameters))


def _other_type(groups: list, own: list) -> bool:
    """Whether each side has options that the other does not know.

    One side alone may be a newer PyTorch, which adds options.
    """
    if not groups or not own:
        return False
    saved, built = (
        {key for key in side[0] if key not in ADDED and not key.startswith('initial_')}
        for side in (groups, own)
    )
    return bool(saved - built) and bool(built - saved)


def _in_groups(sizes: list) -> str:
    shown = ' + '.join(map(str, sizes[:5])) + (' + ...' if len(sizes) > 5 else '')
    return f'{sum(sizes)} parameters in {len(sizes)} groups ({shown})'


def _other_shapes(states: list, parameters: list) -> Iterator:
    for number, (state, parameter) in enumerate(zip(states, parameters, strict=True)):
        for name, value in state.items():
            if name in MOMENTS and getattr(value, 'shape', None) not in (None, parameter.shape):
                yield (
                    f'the optimizer state {name} of parameter {number} has shape '
                    f'{tuple(value.shape)}, the parameter {tuple(parameter.shape)}'
                )
