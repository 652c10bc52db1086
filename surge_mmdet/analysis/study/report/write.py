"""Everything that a study leaves beside its runs, written anew after each of them."""

from pathlib import Path

from ...tables import write_csv, write_json, write_record, write_text
from ..plan import Plan
from ..results import read_results
from ..table import seed_table, tuning_table
from . import tables
from .blocks import as_markdown
from .comparisons import compare
from .content import content, title
from .costs_file import read_costs
from .gather import gather
from .page import as_page


def write_report(plan: Plan, folder: Path, **about) -> str:
    """Write ``report.md``, ``report.html``, ``results.csv``, ``results.json`` and ``record.json``.

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
    write_csv(tables.run_rows(sections), folder / 'results.csv')
    record = record_tables(plan, folder, compared, measured)
    write_record(record, folder / 'record.json', **about)
