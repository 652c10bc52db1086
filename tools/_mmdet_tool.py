"""Hands over to the tools that mmdet ships, unchanged."""

import argparse
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from surge_mmdet.environment import require_supported_stack
from surge_mmdet.overrides import merge_options, read_config, require_variable


def tools_folder() -> Path:
    """Where mmdet keeps its tools inside the installed package."""
    require_supported_stack()
    folder = importlib.util.find_spec('mmdet').submodule_search_locations[0]
    return Path(folder) / '.mim' / 'tools'


def check_options(arguments: Sequence) -> None:
    """Refuse overrides that are nearly keys of the config, before the tool starts.

    Raises:
        ValueError: The text shows the corrected line.
    """
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    options = parser.parse_known_args(arguments)[0].cfg_options
    config = next((each for each in arguments if each.endswith('.py')), '')
    if options and Path(config).is_file():
        merge_options(read_config(config), options)


def hand_over(name: str) -> None:
    """Run mmdet's own ``tools/<name>`` with this process's arguments."""
    tool = tools_folder() / name
    if not tool.is_file():
        sys.exit(
            f'{tool} is missing: mmdet was installed without its tools. '
            'Run: pip install --force-reinstall --no-deps '
            '--no-build-isolation onedl-mmdetection==3.5.1'
        )
    try:
        check_options(sys.argv[1:])
    except ValueError as error:
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
