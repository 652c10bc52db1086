"""One HTML page that needs nothing from elsewhere: style and figures are in it."""

from collections.abc import Sequence
from html import escape

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --quiet: #59636e; --grid: #e3e6ea; --line: #d0d7de;
  --tint: #f6f8fa;
  --series-0: #0b62c4; --series-1: #b34700; --series-2: #14743a; --series-3: #8a3ab9;
  --series-4: #a3123f; --series-5: #0a6e7d; --series-6: #6b5900; --series-7: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e8ebef; --quiet: #9aa5b1; --grid: #2b323a; --line: #3a434d;
    --tint: #1c2229;
    --series-0: #6cb0ff; --series-1: #ff9d5c; --series-2: #5fd38a; --series-3: #d0a2ff;
    --series-4: #ff8fab; --series-5: #5fd0e0; --series-6: #e0c95a; --series-7: #aab4bf;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.3rem; margin-top: 2.2rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1.05rem; margin-top: 1.6rem; }
p, ul { max-width: 46rem; }
li { margin: 0.3rem 0; }
.wide, pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.wide { margin-bottom: 1.6rem; }
pre { background: var(--tint); padding: 0.7rem; }
table {
  border-collapse: separate; border-spacing: 0; font-size: 0.875rem;
  font-variant-numeric: tabular-nums;
}
th, td { padding: 0.35rem 0.7rem; text-align: left; white-space: nowrap; }
td.long { white-space: normal; min-width: 16rem; }
tbody th { position: sticky; left: 0; background: var(--paper); font-weight: 600; }
thead th { vertical-align: bottom; white-space: normal; background: var(--tint); }
tbody tr > * { border-top: 1px solid var(--line); }
figure { margin: 1.2rem 0; max-width: 40rem; }
figcaption, .caption { color: var(--quiet); font-size: 0.9rem; }
.caption { margin: 1.2rem 0 0.4rem; }
svg { width: 100%; height: auto; display: block; }
code { font-size: 0.9em; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  tbody th { max-width: 8.5rem; white-space: normal; }
  th, td { padding: 0.35rem 0.5rem; }
}
:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
"""


def as_page(title: str, blocks: Sequence) -> str:
    """The whole page.

    Args:
        title (str): Of the browser's window.
        blocks (Sequence): Of :mod:`.blocks`.
    """
    body = '\n'.join(block.html() for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n'
        f'<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )
