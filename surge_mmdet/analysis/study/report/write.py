"""The report of a study, written anew after each of its runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from ...tables import write_csv, write_text
from ..plan import Plan
from ..results import write_tables
from . import tables
from .blocks import as_markdown
from .comparisons import compare
from .content import content, title
from .costs_file import read_costs
from .gather import gather
from .page import as_page


def write_report(plan: Plan, folder: Path, **about) -> str:
    """Write ``report.md``, ``report.html``, ``results.csv``, and what :func:`write_tables` writes.

    The tables of the report are in ``record.json`` too.

    Args:
        plan (Plan): The plan.
        folder (Path): Of the study.
        **about: Command, machine and versions, as :func:`conditions` gives them.

    Returns:
        str: The tables of what is finished, as Markdown.
    """
    sections = gather(plan, folder)
    compared, measured = compare(sections), read_costs(folder)
    blocks = content(plan, compared, measured, about)
    write_text(as_markdown(blocks), folder / 'report.md')
    write_text(as_page(title(plan), blocks), folder / 'report.html')
    if sections:
        write_csv(tables.run_rows(sections), folder / 'results.csv')
    return write_tables(plan, folder, report_tables(compared, measured), **about)


def report_tables(compared: Sequence, measured: Optional[Mapping]) -> dict:
    """Name to :class:`Table`, for the record.

    Args:
        compared (Sequence[Compared]): One per section.
        measured (Mapping | None): What ``costs.json`` holds.
    """
    found = {}
    for one in compared:
        name = one.section.optimizer
        found[f'{name}_headline'] = tables.headline(one)
        found[f'{name}_comparisons'] = tables.comparisons(one)
        found[f'{name}_costs'] = tables.costs(one.section, measured)
    found['lost'] = tables.lost_runs([one.section for one in compared])
    return found
