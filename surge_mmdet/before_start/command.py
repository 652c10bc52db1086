"""The command of a training or a test, read as mmdet's tools read it."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DefaultScope

from ..analysis.loading import load_config, require_config
from ..cfg_options import CfgOptions
from ..writable import out_folder
from .checkpoint import require_checkpoint
from .data import require_lists
from .model import require_heads, require_optimizer_of, require_teacher

SHARED = ('--launcher', '--local_rank', '--local-rank')
# The options of mmdet's tools that take a value, and those that take none.
VALUES = {'train.py': SHARED, 'test.py': (*SHARED, '--out', '--show-dir', '--wait-time')}
FLAGS = {'train.py': ('--amp', '--auto-scale-lr'), 'test.py': ('--show', '--tta')}


def check_command(tool: str, arguments: Sequence[str]) -> None:
    """Refuse what a tool of mmdet would stumble over minutes later, or with an error of Python's.

    Of a tool that neither trains nor tests, only the overrides are looked at. What is
    left to the tool: data sets and hooks of other packages, files on other backends.

    Args:
        tool (str): Such as ``train.py``.
        arguments (Sequence[str]): Of the command.

    Raises:
        ValueError, TypeError, OSError: If there is no such config or checkpoint, an
            override is no option of it, ``--work-dir`` is a file, or the data, the heads'
            classes, the optimizer or the teacher are not there or do not fit; the text
            shows the corrected line.
    """
    known, words = parser_of(tool).parse_known_args(arguments)
    config = next((each for each in words if each.endswith('.py')), None)
    if tool in VALUES:
        first = words[0] if words and not words[0].startswith('-') else None
        config = config or first
        if config is not None and not Path(config).is_file():
            require_config(config)
    elif not known.cfg_options:
        return
    if not config or Path(config).suffix != '.py':
        return
    cfg = load_config(config, known.cfg_options)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmdet')):
        if tool == 'train.py':
            _check_training(cfg, config, known.resume)
        elif tool == 'test.py':
            _check_test(cfg, words)


def parser_of(tool: str) -> argparse.ArgumentParser:
    """The options of a tool of mmdet; of others than train and test only what they share."""
    # Its own options may be abbreviated, as argparse has it by default.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=tool in VALUES)
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={})
    parser.add_argument('--work-dir', type=out_folder)
    if tool == 'train.py':
        parser.add_argument('--resume', nargs='?', const='auto')
    for option in VALUES.get(tool, ()):
        parser.add_argument(option)
    for option in FLAGS.get(tool, ()):
        parser.add_argument(option, action='store_true')
    return parser


def _check_training(cfg: Config, config: str, resume: str | None) -> None:
    require_heads(cfg, 'train')
    require_optimizer_of(cfg)
    if resume not in (None, 'auto'):
        require_checkpoint(cfg, resume, '--resume ')
    elif resume is None and cfg.get('load_from'):
        require_checkpoint(cfg, cfg.load_from, '--cfg-options load_from=')
    require_teacher(cfg, config)
    require_lists(cfg, 'train')
    if cfg.get('val_cfg'):
        require_lists(cfg, 'val')


def _check_test(cfg: Config, words: Sequence[str]) -> None:
    if len(words) == 2 and not words[1].startswith('-'):
        require_checkpoint(cfg, words[1])
    require_heads(cfg, 'test')
    require_lists(cfg, 'test')
