"""Does the schedule of the learning rate fit the length of the training?"""

from dataclasses import dataclass, field
from math import inf

from mmengine.optim import _ParamScheduler
from mmengine.runner import EpochBasedTrainLoop

INFINITE = int(1e9)  # MMEngine's end of a schedule that has none
# What a scheduler is made of, without how far it has come.
MADE_OF = (
    'param_name begin end by_epoch T_max milestones step_size total_iters total_steps periods '
    'start_factor end_factor factor gamma power eta_min eta_min_ratio'
).split()


@dataclass
class Misfit:
    """One way in which a schedule does not fit, and what to write.

    Attributes:
        what (str): A sentence without its full stop.
        options (dict[str, object]): Config key -> value that would fit.
    """

    what: str
    options: dict = field(default_factory=dict)

    def __str__(self) -> str:
        line = ' '.join(f'{key}={_text(value)}' for key, value in self.options.items())
        return f'{self.what}. Write --cfg-options {line}' if line else f'{self.what}.'


@dataclass
class Part:
    """A scheduler, its place in the config, and the training's length.

    Attributes:
        scheduler (_ParamScheduler): As built.
        place (str): Its config key, such as ``param_scheduler.1``.
        cfg (dict): What the config says there.
        epoch (int): Iterations of an epoch.
        total (float): The training's length in the scheduler's own steps.
    """

    scheduler: _ParamScheduler
    place: str
    cfg: dict
    epoch: int
    total: float

    @property
    def length(self) -> float:
        """Steps of the config in one step of the scheduler."""
        return 1 / self.epoch if self.cfg.get('convert_to_iter_based') else 1

    @property
    def unit(self) -> str:
        """What the config counts in."""
        by_epoch = self.scheduler.by_epoch or self.cfg.get('convert_to_iter_based')
        return 'epochs' if by_epoch else 'iterations'

    @property
    def warms_up(self) -> bool:
        """Whether it only lets the rate rise at the start."""
        own = self.scheduler
        rises = getattr(own, 'start_factor', 1) < getattr(own, 'end_factor', 1)
        return own.begin == 0 and (
            rises or getattr(own, 'factor', 1) < 1 or 'Warmup' in type(own).__name__
        )

    def says(self, steps: float) -> str:
        """So many steps of the scheduler, in the config's unit."""
        number = _text(steps * self.length)
        return f'{number} {self.unit[:-1] if number == "1" else self.unit}'

    def option(self, key: str, steps: float) -> dict:
        """The config's line for ``key``, if it has one to correct."""
        if key == 'T_max' and 'T_max' not in self.cfg:
            return {}  # follows the end
        return {f'{self.place}.{key}': steps * self.length}


def parts_of(runner) -> list:
    """The schedulers of a training, one list for each optimizer and entry.

    Args:
        runner (Runner): Its loop and schedulers are built.

    Returns:
        list[list[Part]]: Of those that change the learning rate.
    """
    built = runner.param_schedulers or []
    named = built if isinstance(built, dict) else {'': built}
    return [
        [part for part in _parts(runner, name, own) if part.scheduler.param_name == 'lr']
        for name, own in named.items()
    ]


def _parts(runner, name: str, built: list) -> list:
    cfg, place = runner.cfg.get('param_scheduler') or [], 'param_scheduler'
    if isinstance(cfg, dict) and name in cfg:
        cfg, place = cfg[name], f'{place}.{name}'
    single = isinstance(cfg, dict)
    epochs = isinstance(runner.train_loop, EpochBasedTrainLoop)
    found = []
    for i, scheduler in enumerate(built):
        own = cfg if single else (cfg[i] if i < len(cfg) else {})
        total = runner.max_iters
        if scheduler.by_epoch:
            total = runner.max_epochs if epochs else inf
        where = place if single else f'{place}.{i}'
        found.append(Part(scheduler, where, own, len(runner.train_dataloader), total))
    return found


def misfits(parts: list) -> list:
    """Where the schedule of one optimizer does not fit its training.

    Args:
        parts (list[Part]): Its schedulers, in their order.

    Returns:
        list[Misfit]: Empty if the warm-up ends within the training, and the
        last decay ends with it.
    """
    parts = [part for part in parts if part.total != inf]
    found = [
        Misfit(
            f'The warm-up of {part.says(part.scheduler.end)} is longer than the training of '
            f'{part.says(part.total)}',
            part.option('end', max(part.total // 10, 1)),
        )
        for part in parts
        if part.warms_up and part.total < part.scheduler.end < INFINITE
    ]
    decays = [part for part in parts if not part.warms_up and part.scheduler.end < INFINITE]
    inside = [misfit for part in decays for misfit in _wrong_inside(part)]
    found += _wrong_end(decays) or inside
    if not all(part.cfg for part in parts):  # built in Python: no line to correct
        found = [Misfit(each.what) for each in found]
    return found


def _wrong_end(decays: list) -> list:
    """Whether the last decay ends before or after the training."""
    if not decays:
        return []
    last = max(decays, key=lambda part: part.scheduler.end / part.total)
    end, total = last.scheduler.end, last.total
    if end == total:
        return []
    what = (
        f'The schedule ends after {last.says(end)}, the training after {last.says(total)}: '
        'the learning rate stays at its end value for the rest'
        if end < total
        else f'The schedule is made for {last.says(end)}, the training has {last.says(total)}: '
        'the learning rate never comes to its end value'
    )
    return [Misfit(what, _stretched(decays, last, total - end))]


def _stretched(decays: list, last: Part, more: float) -> dict:
    """Options that make the longest decay longer, and shift what follows."""
    same = [part for part in decays if part.scheduler.by_epoch == last.scheduler.by_epoch]
    longest = max(same, key=lambda part: part.scheduler.end - part.scheduler.begin)
    begin, end = longest.scheduler.begin, longest.scheduler.end
    if end + more <= begin:
        return {}
    options = longest.option('end', end + more)
    if hasattr(longest.scheduler, 'T_max'):
        options |= longest.option('T_max', end + more - begin)
    if hasattr(longest.scheduler, 'milestones'):
        options |= _milestones(longest, (end + more) / end, end + more)
    for part in same:
        if part is not longest and part.scheduler.begin >= end:
            options |= part.option('begin', part.scheduler.begin + more)
            options |= part.option('end', part.scheduler.end + more)
    return options


def _milestones(part: Part, factor: float, end: float) -> dict:
    """Milestones moved by ``factor``; none if there is no room before ``end``."""
    steps = sorted(part.scheduler.milestones)
    moved = [max(int(step * part.length * factor + 1e-6), 1) for step in steps]
    return {f'{part.place}.milestones': moved} if moved[-1] < end * part.length else {}


def _wrong_inside(part: Part) -> list:
    """What goes wrong within the span of one decay."""
    own, found = part.scheduler, []
    span = own.end - own.begin
    fall = getattr(own, 'T_max', span)
    if fall != span:
        what = 'then rises again' if fall < span else 'is cut off before its end value'
        found.append(
            Misfit(
                f'The cosine falls for {part.says(fall)} of {part.says(span)} and {what}',
                {f'{part.place}.T_max': span * part.length},
            )
        )
    late = [step for step in getattr(own, 'milestones', ()) if step >= part.total]
    if late and own.end == part.total:
        found.append(
            Misfit(
                f'The rate should fall after {part.says(max(late))}, and the training has '
                f'{part.says(part.total)}',
                _milestones(
                    part, part.total * part.length / (max(late) * part.length + 1), part.total
                ),
            )
        )
    lowest = getattr(own, 'eta_min', None)
    if lowest and own.base_values and max(own.base_values) <= lowest:
        found.append(
            Misfit(
                f'The learning rate {max(own.base_values):g} would rise to eta_min={lowest:g}',
                {f'{part.place}.eta_min': max(own.base_values) / 100},
            )
        )
    return found


def made_of(scheduler) -> dict:
    """What a scheduler, or its saved state, is made of.

    Args:
        scheduler (_ParamScheduler | dict): Or its ``state_dict()``.
    """
    state = scheduler if isinstance(scheduler, dict) else vars(scheduler)
    return {key: state[key] for key in MADE_OF if key in state}


def _text(value: object) -> str:
    if isinstance(value, list):
        return '[' + ','.join(map(_text, value)) + ']'
    return f'{value:g}' if isinstance(value, float) and value < 1e5 else f'{value:.0f}'
