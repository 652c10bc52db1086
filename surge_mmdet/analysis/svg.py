"""Figures of matplotlib as SVG inside a page: its colours, its font, its dark mode.

matplotlib writes colours as numbers. A figure is drawn with the colours of
:data:`COLOURS`, and each is then replaced by a property of the page's style
sheet, so that one picture suits light and dark.
"""

import io
import re
from html import escape

SERIES = 8  # colours before they come again
INK, QUIET, GRID, PAPER = '#010101', '#020202', '#030303', '#040404'
COLOURS = {
    INK: 'var(--ink)',
    QUIET: 'var(--quiet)',
    GRID: 'var(--grid)',
    PAPER: 'var(--paper)',
    **{f'#0500{i:02x}': f'var(--series-{i})' for i in range(SERIES)},
}
FONT = 9  # points; a figure of PHONE inches is shown as wide as a phone
PHONE = 4.6
STYLE = {
    'svg.fonttype': 'none',
    'svg.hashsalt': 'report',
    'font.size': FONT,
    'font.family': 'sans-serif',
    'text.color': INK,
    'axes.edgecolor': QUIET,
    'axes.labelcolor': INK,
    'axes.facecolor': 'none',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': GRID,
    'grid.linewidth': 0.8,
    'xtick.color': QUIET,
    'ytick.color': QUIET,
    'xtick.labelcolor': INK,
    'ytick.labelcolor': INK,
    'figure.facecolor': 'none',
    'legend.frameon': False,
    'figure.constrained_layout.use': True,
}


def series(index: int) -> str:
    """The colour of a series, as matplotlib takes it."""
    return f'#0500{index % SERIES:02x}'


def drawn(height: float, draw, *arguments) -> str:
    """A figure as SVG text, as wide as a phone.

    Args:
        height (float): Inches.
        draw (Callable): Draws into an axes, with the ``arguments`` behind it.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(PHONE, height))
        FigureCanvasSVG(figure)
        draw(figure.add_subplot(), *arguments)
        target = io.StringIO()
        figure.savefig(target, format='svg', metadata=dict(Date=None, Creator=None))
    return target.getvalue()


def inline(svg: str, name: str, told: str) -> str:
    """An SVG file as an element of a page.

    Args:
        svg (str): As :func:`drawn` gives it.
        name (str): Unique on the page; it goes in front of all ids.
        told (str): What a reader who cannot see it is told.
    """
    body = svg[svg.index('<svg') :]
    body = re.sub(r'<metadata>.*?</metadata>', '', body, flags=re.S)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(url\(#|href="#)', rf'\g<1>{name}-', body)
    body = re.sub(r"font: (.*?)('DejaVu Sans'.*?);?(?=[;\"])", r'font: \1sans-serif', body)
    for colour, value in COLOURS.items():
        body = body.replace(colour, value)
    body = re.sub(r' (?:width|height)="[^"]*pt"', '', body, count=2)  # as wide as its place
    return body.replace('<svg ', f'<svg role="img" aria-label="{escape(told)}" ', 1)
