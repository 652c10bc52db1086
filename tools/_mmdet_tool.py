"""Hands over to the tools that mmdet ships, unchanged."""

import argparse
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from surge_mmdet.environment import require_supported_stack
from surge_mmdet.overrides import require_variable


def tools_folder() -> Path:
    """Where mmdet keeps its tools inside the installed package."""
    require_supported_stack()
    folder = importlib.util.find_spec('mmdet').submodule_search_locations[0]
    return Path(folder) / '.mim' / 'tools'


def check_command(tool: str, arguments: Sequence) -> None:
    """Refuse what the tool would stumble over minutes later, or with an error of Python's.

    Args:
        tool (str): Such as ``train.py``.
        arguments (Sequence[str]): Of the command.

    Raises:
        ValueError, TypeError, OSError: If there is no such config, an override is no
            option of it, ``--work-dir`` is a file, or the optimizer or the teacher of a
            training is not there; the text shows the corrected line.
    """
    from surge_mmdet.analysis.loading import load_config, require_config
    from surge_mmdet.cfg_options import CfgOptions
    from surge_mmdet.writable import out_folder

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    parser.add_argument('--work-dir', type=out_folder)
    known, others = parser.parse_known_args(arguments)
    trains = tool == 'train.py'
    config = next((each for each in others if each.endswith('.py')), None)
    if trains or tool == 'test.py':
        first = others[0] if others and not others[0].startswith('-') else None
        config = config or first
        if config is not None and not Path(config).is_file():
            require_config(config)
    if config and Path(config).suffix == '.py' and (trains or known.cfg_options):
        cfg = load_config(config, known.cfg_options)
        if trains:
            require_optimizer_of(cfg)
            require_teacher(cfg, config)


def require_optimizer_of(cfg) -> None:
    """Refuse an optimizer that does not exist, or without an option that it is given.

    Raises:
        ValueError: The text shows the corrected line.
    """
    from mmengine.registry import DefaultScope

    from surge_mmdet.engine.checks.optimizer import require_optimizer

    given = (cfg.get('optim_wrapper') or {}).get('optimizer')
    if isinstance(given, dict) and 'type' in given:
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmdet')):
            require_optimizer('optim_wrapper', given)


def require_teacher(cfg, config: str) -> None:
    """Refuse a teacher that is not there, before the training's long log.

    One that could not teach this student is told of first: nobody trains it in vain.
    Whether one that is there fits, the training itself says before its first step.

    Raises:
        TypeError, ValueError, OSError: As :meth:`surge_mmdet.distill.Teacher.load`.
    """
    model = cfg.get('model') or {}
    if str(model.get('type')).rpartition('.')[2] != 'DistilledDetector':
        return  # another package's teacher
    given = model.get('teacher')
    if not isinstance(given, dict):
        return  # which building the detector refuses
    from surge_mmdet.analysis.loading import build_model
    from surge_mmdet.distill import Teacher

    teacher = Teacher.of(given)
    if not teacher.has_checkpoint():
        teacher.load(build_model(cfg, config))


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
