"""Hands over to the tools that mmdet ships, unchanged."""

import importlib.util
import runpy
import sys
from pathlib import Path

from surge_mmdet.environment import require_supported_stack
from surge_mmdet.overrides import require_variable


def tools_folder() -> Path:
    """Where mmdet keeps its tools inside the installed package."""
    require_supported_stack()
    folder = importlib.util.find_spec('mmdet').submodule_search_locations[0]
    return Path(folder) / '.mim' / 'tools'


def hand_over(name: str) -> None:
    """Run mmdet's own ``tools/<name>`` with this process's arguments."""
    tool = tools_folder() / name
    if not tool.is_file():
        sys.exit(
            f'{tool} is missing: mmdet was installed without its tools. '
            'Run: pip install --force-reinstall --no-deps '
            '--no-build-isolation onedl-mmdetection==3.5.1'
        )
    from surge_mmdet.before_start import check_command

    try:
        check_command(name, sys.argv[1:])
    except (OSError, TypeError, ValueError) as error:
        sys.exit(str(error))
    sys.argv[0] = str(tool)
    try:
        runpy.run_path(str(tool), run_name='__main__')
    except KeyError as error:
        try:
            require_variable(error)
        except ValueError as told:
            sys.exit(str(told))
        raise
