"""The page of one method that is a loss beside a detector's own, in Markdown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .detector_methods import DetectorMethod
from .docstrings import arguments, prose
from .page import recipe, results, shown
from .results import results_with

GUIDE = '../../guides/distillation.md'  # from the page, as the site has it


def detector_page(
    method: DetectorMethod,
    tables: Mapping,
    places: Mapping,
    lines: Sequence,
    configs: Sequence,
    formulas: Callable = str,
) -> str:
    """Markdown of the page.

    Args:
        method (DetectorMethod): One of :func:`detector_methods`.
        tables, places (Mapping): As :func:`method_page` takes them.
        lines (Sequence[Snippet]): Of the guide; those with the method are shown.
        configs (Sequence[Path]): Shipped ones that have it.
        formulas (Callable): As :func:`method_page` takes it.

    Raises:
        ValueError: If the guide has no lines for the method.
    """
    blocks = [f'# {method.label}', _in_short(method), *recipe(method.label)]
    for kind in method.kinds:
        link = f'[`{kind.__name__}`][{kind.__module__}.{kind.__qualname__}]'
        title = kind.__name__ if len(method.kinds) > 1 else 'The loss'
        blocks += [f'## {title}', link, formulas(prose(kind))]
        blocks.append(arguments(kind, formulas).markdown())
    blocks += [*_use(method, lines), *_ready(configs)]
    blocks += results(results_with(method, shown(tables, places)), tables, places)
    return '\n\n'.join(blocks) + '\n'


def _in_short(method: DetectorMethod) -> str:
    names = ' and '.join(f'`{each}`' for each in method.types)
    beside = 'towards a real-valued teacher' if method.needs_teacher else 'without a teacher'
    kind = 'a loss' if len(method.types) == 1 else 'losses'
    return (
        f'{names} in configs: {kind} {beside}, beside those that a detector has. The detector that '
        'comes out has the same layers as one trained without.'
    )


def _use(method: DetectorMethod, lines: Sequence) -> list:
    own = [each for each in lines if any(f"'{word}'" in each.code for word in method.types)]
    if not own:
        raise ValueError(
            f'{method.label}: docs/guides/distillation.md has no lines to use it. Write a block '
            f"with dict(type='{method.types[0]}') below <!-- child of: configs/... -->."
        )
    blocks = ['## In a config']
    for each in own:
        folder = Path(each.base).parent
        blocks += [
            f'In a file of `{folder}/`, as in [{each.heading}]({GUIDE}#{each.anchor}):',
            f'```python\n{each.file}```',
        ]
    return blocks


def _ready(configs: Sequence) -> list:
    if not configs:
        return []
    folders: dict = {}
    for path in configs:
        folders.setdefault(path.parent.name, []).append(f'    - `{path.name}`')
    lines = [
        f'- [configs/{folder}](../configs/{folder}.md)\n' + '\n'.join(names)
        for folder, names in folders.items()
    ]
    return ['Ready ones that have it:', '\n'.join(lines)]
