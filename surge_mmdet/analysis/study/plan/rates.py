"""The optimizers of a plan and the learning rates that each method tries."""

from collections.abc import Mapping
from math import isfinite

from ....errors import misspelt, unknown
from .labels import by_label
from .plan import Plan
from .same import but_for_rates

DEFAULT = (1e-3, 3e-3)
KEYS = ('optimizer', 'lrs', 'own')
LINE = "optimizers = {'AdamW': dict(optimizer=dict(type='AdamW'), lrs=(1e-3, 3e-3))}"


def read_optimizers(given: object, methods: Mapping) -> dict:
    """``optimizers`` of a plan with the labels of the methods in ``own``.

    Raises:
        ValueError: If a key or a rate is wrong; the text shows the corrected line.
    """
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f'optimizers={given!r} names none. Write {LINE}')
    return {name: _read(name, setting, methods) for name, setting in given.items()}


def _read(name: str, setting: object, methods: Mapping) -> dict:
    what = f'optimizers[{name!r}]'
    if not isinstance(setting, Mapping):
        raise ValueError(f'{what}: {setting!r} is no dict. Write {LINE}')
    if 'type' in setting:  # the optimizer itself, where its setting belongs
        raise ValueError(
            f'{what}: {dict(setting)} is an optimizer alone. Write {_meant_by(setting)}'
        )
    for key in setting:
        if key not in KEYS:
            raise unknown(f'{what}: key', key, KEYS, f'{what} = dict({{}}={setting[key]!r}, ...)')
    if 'optimizer' not in setting or 'lrs' not in setting:
        raise ValueError(f'{what} needs optimizer and lrs. Write {LINE}')
    optimizer = setting['optimizer']
    if not isinstance(optimizer, Mapping) or not isinstance(optimizer.get('type'), str):
        raise ValueError(f'{what}: optimizer={optimizer!r}. Write {_typed(optimizer)}.')
    if 'lr' in optimizer:
        raise ValueError(
            f'{what}: optimizer has lr={optimizer["lr"]!r}, and lrs are the rates that are tried. '
            f'Write {_meant_by(dict(setting, **optimizer))}'
        )
    own = by_label(setting.get('own', {}), methods, f'{what}.own')
    _check(what, 'lrs', setting['lrs'])
    for label, lrs in own.items():
        _check(what, f'own={{{label!r}: ...}}, lrs', lrs)
    return dict(setting, own=own)


def _typed(optimizer: object) -> str:
    """The optimizer with a type: what a slip or a bare word names, AdamW where nothing does."""
    if isinstance(optimizer, Mapping):
        slips = misspelt(optimizer, ['type'])
        options = {slips.get(name, name): value for name, value in optimizer.items()}
    else:
        options = dict(type=optimizer) if isinstance(optimizer, str) else {}
    if not isinstance(options.get('type'), str):
        options['type'] = 'AdamW'
    return f'optimizer=dict({", ".join(f"{key}={value!r}" for key, value in options.items())})'


def _meant_by(optimizer: Mapping) -> str:
    """The line of a plan that has this optimizer, its rate among those to try."""
    kind = optimizer['type']
    inside = {key: value for key, value in optimizer.items() if key not in (*KEYS, 'lr')}
    options = ', '.join(f'{key}={value!r}' for key, value in inside.items())
    given = (_meant(optimizer['lr']),) if 'lr' in optimizer else DEFAULT
    own = f', own={dict(optimizer["own"])}' if 'own' in optimizer else ''
    lrs = optimizer.get('lrs', given)
    return f'optimizers = {{{kind!r}: dict(optimizer=dict({options}), lrs={lrs}{own})}}'


def _check(what: str, key: str, lrs: object) -> None:
    """Rates are positive numbers, each once."""
    if not isinstance(lrs, (list, tuple)):
        raise ValueError(f'{what}: learning rates {lrs!r}. Write ({lrs!r}, ).')
    wrong = [lr for lr in lrs if not _is_rate(lr)]
    if wrong:
        right = tuple(dict.fromkeys(_meant(lr) for lr in lrs))
        raise ValueError(
            f'{what}: {key}={tuple(lrs)}: {wrong[0]!r} is no learning rate, which is a number '
            f'above 0. Write {right}.'
        )
    twice = [lr for lr in lrs if list(lrs).count(lr) > 1]
    if twice:
        right = tuple(dict.fromkeys(lrs))
        raise ValueError(f'{what}: {key} has {twice[0]:g} twice. Write {right}.')


def _is_rate(lr: object) -> bool:
    number = isinstance(lr, (int, float)) and not isinstance(lr, bool)
    return number and lr > 0 and isfinite(lr)


def _meant(lr: object) -> float:
    try:
        number = abs(float(lr))
    except (TypeError, ValueError):
        return 1e-3
    return number if _is_rate(number) else 1e-3


def require_different(plan: Plan) -> None:
    """Refuse a method that is another one under a second label, with the same rates.

    Raises:
        ValueError: The text shows the corrected line.
    """
    needed = {plan.baseline, *(change.teacher for change in plan.changes.values())}
    for name in plan.optimizers:
        seen: dict = {}
        for method in plan.methods:
            lrs = plan.rates(name, method)
            other = seen.setdefault((but_for_rates(plan, method), frozenset(lrs)), method)
            if lrs and other != method:
                spare = other if method in needed else method
                own = f'optimizers[{name!r}] = dict(own={{{spare!r}: '
                raise ValueError(
                    f'methods: {method!r} is {other!r} once more: the same layers, changes and '
                    f'learning rates in {name}. Take {spare!r} out of methods, give it a rate of '
                    f'its own, {own}({min(lrs) / 3:.0e},)}}, ...), or leave it out there, '
                    f'{own}()}}, ...).'
                )


def require_rates(plan: Plan) -> None:
    """Refuse an optimizer that leaves out the baseline, or a teacher of who is there.

    Raises:
        ValueError: The text shows the corrected line.
    """
    for name, setting in plan.optimizers.items():
        if not plan.rates(name, plan.baseline):
            if plan.baseline not in setting.get('own', {}):
                raise ValueError(
                    f'optimizers[{name!r}]: lrs={tuple(setting["lrs"])} names no learning rate for '
                    f'the baseline {plan.baseline!r}. Write lrs={DEFAULT}.'
                )
            right = tuple(setting['lrs']) or DEFAULT
            raise ValueError(
                f'optimizers[{name!r}].own leaves the baseline {plan.baseline!r} out, so nothing '
                f'could be compared. Write own={{{plan.baseline!r}: {right}}}.'
            )
        for method, change in plan.changes.items():
            teacher = change.teacher
            if teacher and plan.rates(name, method) and not plan.rates(name, teacher):
                raise ValueError(
                    f'optimizers[{name!r}].own leaves out {teacher!r}, which teaches {method!r}. '
                    f'Write own={dict(setting["own"], **{method: ()})}, which leaves out '
                    f'{method!r} too.'
                )
