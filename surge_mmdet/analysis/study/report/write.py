"""The report of a study, written anew after each of its runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...tables import write_csv, write_text
from ..plan import Plan
from ..runs import environments, write_tables
from . import tables
from .blocks import as_markdown
from .comparisons import compare
from .content import Part, content, title
from .costs_file import read_costs
from .gather import gather
from .origin import parts_of_runs
from .packed import packed_table
from .page import as_page


def write_report(plan: Plan, folder: Path, **about) -> str:
    """Write ``report.md``, ``report.html``, ``results.csv``, and what :func:`write_tables` writes.

    The tables of the report are in ``record.json`` too.

    Args:
        plan (Plan): The plan.
        folder (Path): Of the study.
        **about: Command, machine and versions of who writes it, as
            :func:`conditions` gives them; the runs tell theirs themselves.

    Returns:
        str: The tables of what is finished, as Markdown.
    """
    part = _part(plan, folder)
    _write_pages([part], folder, about)
    sections = [one.section for one in part.compared]
    if sections:
        write_csv(tables.run_rows(sections), folder / 'results.csv')
    found = dict(about, trained=environments(parts_of_runs(sections)))
    return write_tables(plan, folder, report_tables(part), **found)


def write_joint_report(studies: Sequence, folder: Path, **about) -> None:
    """Write ``report.md`` and ``report.html`` of several data sets together.

    Each has its own family of comparisons, as in the report of its own folder.

    Args:
        studies (Sequence[tuple]): Plan and folder of each.
        folder (Path): Above them.
        **about: As :func:`write_report`.
    """
    _write_pages([_part(*study) for study in studies], folder, about)


def _part(plan: Plan, folder: Path) -> Part:
    return Part(plan, compare(gather(plan, folder)), read_costs(folder))


def _write_pages(parts: Sequence, folder: Path, about: Mapping) -> None:
    blocks = content(parts, about)
    write_text(as_markdown(blocks), folder / 'report.md')
    write_text(as_page(title(parts), blocks), folder / 'report.html')


def report_tables(part: Part) -> dict:
    """Name to :class:`Table`, for the record.

    Args:
        part (Part): Of one plan.
    """
    found = {}
    for one in part.compared:
        name = one.section.optimizer
        found[f'{name}_headline'] = tables.headline(one)
        found[f'{name}_comparisons'] = tables.comparisons(one)
        packed = packed_table(one.section)
        if packed.rows:
            found[f'{name}_packed'] = packed
        found[f'{name}_costs'] = tables.costs(one.section, part.measured)
    found['lost'] = tables.lost_runs([one.section for one in part.compared])
    return found
