"""What mmdet's tools would stumble over minutes later, asked for before they start."""

import argparse
from collections.abc import Sequence
from pathlib import Path

VALUES = ('--launcher', '--local_rank', '--local-rank', '--out', '--show-dir', '--wait-time')
FLAGS = ('--amp', '--auto-scale-lr', '--show', '--tta')


def check_command(tool: str, arguments: Sequence) -> None:
    """Refuse what the tool would stumble over minutes later, or with an error of Python's.

    Args:
        tool (str): Such as ``train.py``.
        arguments (Sequence[str]): Of the command.

    Raises:
        ValueError, TypeError, OSError: If there is no such config or checkpoint, an
            override is no option of it, ``--work-dir`` is a file, or the data, the heads'
            classes, the optimizer or the teacher are not there or do not fit; the text
            shows the corrected line.
    """
    from surge_mmdet.analysis.loading import load_config, require_config

    known, words = _parse(arguments)
    trains, tests = tool == 'train.py', tool == 'test.py'
    config = next((each for each in words if each.endswith('.py')), None)
    if trains or tests:
        first = words[0] if words and not words[0].startswith('-') else None
        config = config or first
        if config is not None and not Path(config).is_file():
            require_config(config)
    if not config or Path(config).suffix != '.py':
        return
    if trains or tests or known.cfg_options:
        cfg = load_config(config, known.cfg_options)
    if trains:
        _check_training(cfg, config, known)
    if tests:
        _check_test(cfg, words)


def _parse(arguments: Sequence) -> tuple:
    """The options that are looked at, and the words that no option takes."""
    from surge_mmdet.cfg_options import CfgOptions
    from surge_mmdet.writable import out_folder

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    parser.add_argument('--work-dir', type=out_folder)
    parser.add_argument('--resume', nargs='?', const='auto')
    for option in VALUES:
        parser.add_argument(option)
    for option in FLAGS:
        parser.add_argument(option, action='store_true')
    return parser.parse_known_args(arguments)


def _check_training(cfg, config: str, known: argparse.Namespace) -> None:
    from surge_mmdet.datasets.inspection import require_files

    require_heads_of(cfg, 'train')
    require_optimizer_of(cfg)
    if known.resume not in (None, 'auto'):
        require_checkpoint(known.resume, '--resume ')
    elif known.resume is None and cfg.get('load_from'):
        require_checkpoint(cfg.load_from, '--cfg-options load_from=')
    require_teacher(cfg, config)
    require_files(cfg, ('train', 'val') if cfg.get('val_cfg') else ('train',))


def _check_test(cfg, words: Sequence) -> None:
    from surge_mmdet.datasets.inspection import require_files

    if len(words) == 2 and not words[1].startswith('-'):
        require_checkpoint(words[1])
    require_heads_of(cfg, 'test')
    require_files(cfg, ('test',))


def require_heads_of(cfg, role: str) -> None:
    """Refuse heads of other classes than the data's, as the training's own check does.

    Raises:
        ValueError: The text shows the corrected option.
    """
    from surge_mmdet.datasets.inspection import require_heads

    hooks = [cfg.get('default_hooks'), cfg.get('custom_hooks')]
    if 'ConfigCheckHook' in str(hooks):  # who left it out wants other classes
        require_heads(cfg, role)


def require_checkpoint(path: str, option: str = '') -> None:
    """Refuse a checkpoint that is not there; one on another backend is left to the tool.

    Args:
        path (str): A file.
        option (str): What stands before it in the command.

    Raises:
        FileNotFoundError: The text shows a checkpoint that is there, if one is near.
    """
    from surge_mmdet.distill.find import newest_checkpoint

    file = Path(path)
    if '://' in path or file.is_file():
        return
    found = newest_checkpoint(file if file.is_dir() else file.parent)
    what = 'is a folder' if file.is_dir() else 'does not exist'
    raise FileNotFoundError(f'{path} {what}. Write {option}{found or "work_dirs/RUN/epoch_12.pth"}')


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
