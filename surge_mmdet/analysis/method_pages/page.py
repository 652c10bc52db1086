"""The page of one method, in Markdown."""

from collections.abc import Callable, Mapping
from typing import Optional

import torch

from ...binarizers import Binarizer, build_activation
from ...methods import Method
from ...surge import SurgeConfig
from ...text import linked
from ..code_tables import written
from ..curves import slopes
from ..curves.surrogate_plot import REACH
from ..svg import drawn, inline, series
from .docstrings import prose
from .facts import Facts, facts, with_surge
from .labels import STANDS_FOR, parts
from .networks import NETWORKS, Network
from .results import KEY, results_of

HEIGHT = 2.1  # inches of the figure of a slope


def method_page(method: Method, tables: Mapping, places: Mapping, formulas: Callable = str) -> str:
    """Markdown of a method's page.

    Args:
        method (Method): Of the list.
        tables (Mapping[str, Table]): Of the records.
        places (Mapping[str, str]): Name of a table to a Markdown link to the
            page that shows it; others are left out.
        formulas (Callable): Turns the LaTeX of docstrings into what the page shows.
    """
    known, twin = facts(method), with_surge(method)
    blocks = [
        f'# {method.label}',
        f'`{method.name}` in commands and plans. From: {linked(method.reference)}.',
        _config(method, twin),
    ]
    if known is not None:
        blocks += _part(known.activation, 'The input', formulas)
        blocks += _part(known.weight_rule, 'The weights', formulas)
        if method.has_surge:
            blocks += ['## The gradient', _surge(method)]
        blocks += ['## In a network', _in_a_network(known)]
    if method.name in NETWORKS:
        blocks += _network(NETWORKS[method.name], formulas)
    blocks += recipe(method.label)
    methods = [each for each in (method, twin) if each]
    blocks += results(results_of(methods, shown(tables, places)), tables, places)
    return '\n\n'.join(blocks) + '\n'


def shown(tables: Mapping, places: Mapping) -> dict:
    """The tables that a page shows."""
    return {name: table for name, table in tables.items() if name in places}


def results(found: Mapping, tables: Mapping, places: Mapping) -> list:
    """The blocks of a page's results.

    Args:
        found (Mapping[str, Table]): What is left of each table.
        tables, places (Mapping): As :func:`method_page` takes them.
    """
    blocks = ['## Results']
    for name, table in found.items():
        title = next(column.title for column in tables[name].columns if column.key == KEY)
        more = f', {title}' if title not in ('', KEY) else ''
        blocks += [f'From {places[name]}{more}:', table.markdown()]
    return blocks if found else [*blocks, 'Nothing has been measured with this method yet.']


def _config(method: Method, twin: Optional[Method]) -> str:
    if method.layer is None:
        return f'In a config, `policy=None` of each part. The name in plans is `{method.name!r}`.'
    lines = [f'policy = {written(method.policy())}']
    if twin:
        lines += ['# the same with SURGE on top:', f'policy = {written(twin.policy())}']
    return '```python\n' + '\n'.join(lines) + '\n```'


def _part(part: Binarizer, title: str, formulas: Callable) -> list:
    kind = type(part)
    blocks = [f'## {title}', f'[`{kind.__name__}`][{kind.__module__}.{kind.__qualname__}]']
    blocks.append(formulas(prose(kind)))
    if hasattr(part, 'packed_form'):
        blocks.append(figure(part))
    return blocks


def _surge(method: Method) -> str:
    """What SURGE's options of a method mean."""
    given = method.policy()['layer'].get('surge', {})
    lines = [
        f'- `{option.name}={given[option.name]!r}`: {option.meaning}'
        for option in SurgeConfig.options()
        if option.name in given
    ]
    return '\n'.join(
        [
            'An auxiliary branch of real weights W_a adds its gradient to that of the signs, as '
            '[How it works](../../design/how_it_works.md) says; the network that comes out is the '
            'same. The options that are set, of [all that there are](../surge_options.md):',
            '',
            *lines,
        ]
    )


def _network(network: Network, formulas: Callable) -> list:
    """The other half of a published network."""
    kind = network.kind
    return [
        f'## {network.label}',
        f'The network that it comes from has [`{kind.__name__}`][{kind.__module__}.'
        f'{kind.__qualname__}] between its layers too. Beside the policy, a config says:',
        f'```python\nmodel = {written(network.model)}\n```',
        formulas(prose(kind)),
    ]


def recipe(label: str) -> list:
    """A sentence for what the recipe is made of."""
    return [
        f'It is a part of [the {word}](../../guides/distillation.md#the-{word}): {stands_for}.'
        for word, stands_for in STANDS_FOR.items()
        if label in parts(word)
    ]


def figure(part: Binarizer) -> str:
    """The slope of an activation binarizer as a figure inside the page."""
    name = type(part).__name__
    curves = slopes(build_activation(dict(type=type(part)), 1), torch.linspace(-REACH, REACH, 401))
    told = f'Slope of {name} for inputs from {-REACH:g} to {REACH:g}'
    times = ', at the start, the middle and the end of the training' if len(curves) > 1 else ''
    drawing = inline(drawn(HEIGHT, _draw, curves), name.lower(), told + times)
    caption = f'What the gradient is multiplied with, by input{times}.'
    return f'<figure class="drawn">{drawing}<figcaption>{caption}</figcaption></figure>'


def _draw(axes, curves: Mapping) -> None:
    for index, (progress, values) in enumerate(curves.items()):
        x = torch.linspace(-REACH, REACH, len(values)).tolist()
        label = f'p = {progress:g}' if len(curves) > 1 else None
        axes.plot(x, values.tolist(), color=series(index), lw=1.6, label=label)
    axes.set_xlabel('input')
    axes.set_ylabel('slope')
    if len(curves) > 1:
        axes.legend(fontsize=8)


def _in_a_network(known: Facts) -> str:
    learned = ', '.join(f'`{name}`' for name in known.learned)
    lines = [
        f'Learns beside the weights: {learned or "nothing"}.',
        f'Changes over the training: {", ".join(known.scheduled) or "nothing"}.',
        f'An input takes {known.bits} bit{"s" * (known.bits > 1)} at inference.',
        'Packs: yes.' if known.kept is None else f'Packs: no, {known.kept}.',
    ]
    return '\n'.join(f'- {line}' for line in lines)
