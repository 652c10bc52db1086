"""The frozen detector that a student learns from."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import _load_checkpoint, _load_checkpoint_to_model
from torch import Tensor, nn

from ..errors import unknown
from ..losses import View
from ..models import compare
from ..models.pretrained import plain_names, training_only
from ..overrides import merge_options, read_config
from ..text import counted
from .find import newest_checkpoint
from .fit import check_binary_layers, check_student
from .inherit import check_parts, inherit

KEYS = ('config', 'checkpoint', 'cfg_options', 'inherit')
LINE = "Write teacher=dict(config='CONFIG', checkpoint='CHECKPOINT')."


class Teacher:
    """A real detector by its config and checkpoint; no module, so no part of the student.

    It is built when it is first asked, or by :meth:`load`: a config with a
    teacher tests without it. Its parameters take no gradient, its norms keep
    their statistics, and neither ``state_dict`` nor a copy of the student
    (EMA) contains it.

    Args:
        config (str): Config of the teacher, as for ``tools/train.py``, or one
            that mmdet ships: ``mmdet::retinanet/retinanet_r18_fpn_1x_coco.py``.
        checkpoint (str | None): File or address, or a training's folder,
            whose last checkpoint is taken; None for ``work_dirs/`` and the
            config's name, where mmdet's tool trains it.
        cfg_options (dict | None): As ``--cfg-options``.
        inherit (sequence of str): Parts of the student that start from the
            teacher's weights, see :func:`inherit`.

    Raises:
        TypeError: If the config is no file's name, or ``inherit`` no list of
            names; the text shows the line.
    """

    def __init__(
        self,
        config: str,
        checkpoint: Optional[str] = None,
        cfg_options: Optional[dict] = None,
        inherit: Sequence = (),
    ) -> None:
        if not isinstance(config, str):
            raise TypeError(f'teacher: config must be a file, got {config!r}. {LINE}')
        self.config = config
        self.checkpoint = checkpoint or self._usual_folder(config)
        self.cfg_options = cfg_options or {}
        self.inherit = check_parts(inherit)
        self.epochs: Optional[int] = None  # of its training, once it is loaded
        self.unfinished = False  # whether that has not come to its end
        self._detector: Optional[nn.Module] = None

    @staticmethod
    def _usual_folder(config: str) -> str:
        return f'work_dirs/{Path(config).stem}'

    @classmethod
    def of(cls, cfg: dict) -> 'Teacher':
        """From ``teacher`` of a config.

        Raises:
            TypeError, ValueError: If a key is missing or unknown; the text
                shows the line.
        """
        for key in cfg:
            if key not in KEYS:
                raise unknown('teacher: key', key, KEYS, "teacher=dict(config='CONFIG', {}=...)")
        return cls(cfg.get('config'), **{key: cfg[key] for key in KEYS[1:] if key in cfg})

    def __deepcopy__(self, memo) -> 'Teacher':
        return self  # frozen: copies of the student share it

    def load(self, student: nn.Module) -> nn.Module:
        """The detector, in eval mode, on the student's device.

        Raises:
            FileNotFoundError: If its config or its checkpoint is not there;
                the text tells how to train it.
            ValueError: If the checkpoint is of another config, or the
                detector does not fit the student.
        """
        if self._detector is None:
            self._detector = self._build(student)
        return self._detector.to(next(student.parameters()).device)

    def pass_on(self, student: nn.Module) -> None:
        """Start the parts of the student that inherit from the teacher.

        Raises:
            FileNotFoundError, ValueError: As :meth:`load`, and if a part does
                not fit; the text shows the line.
        """
        if self.inherit:
            inherit(student, self.load(student), self.inherit)

    @torch.no_grad()
    def view(self, student: nn.Module, images: Tensor) -> View:
        """What it makes of a batch of preprocessed images."""
        detector = self.load(student)
        return View(detector.extract_feat(images), detector)

    def _build(self, student: nn.Module) -> nn.Module:
        cfg = _config(self.config)
        merge_options(cfg, self.cfg_options, 'teacher: cfg_options')
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        detector = MODELS.build(cfg.model)
        check_student(student, detector, _shown(self.config))  # before one trains it in vain
        file = self._file()
        content = _load_checkpoint(file, map_location='cpu')
        self._copy(content, detector, file)
        check_binary_layers(detector, content, file)
        meta = content.get('meta', {})
        self.epochs = meta.get('epoch')
        self.unfinished = _report(meta, cfg, file)
        return detector.eval().requires_grad_(False)

    def has_checkpoint(self) -> bool:
        """Whether there is a file to load, as far as can be told without a network."""
        try:
            self._file()
        except FileNotFoundError:
            return False
        return True

    def _file(self) -> str:
        if '://' in self.checkpoint:
            return self.checkpoint  # which mmengine fetches
        path = Path(self.checkpoint)
        found = newest_checkpoint(path) if path.is_dir() else path
        if not found or not found.is_file():
            left = newest_checkpoint(Path(self._usual_folder(self.config)))
            if left:
                raise FileNotFoundError(
                    f'teacher: {path} does not exist, or is a folder without a checkpoint, but '
                    f'{left} does. Leave checkpoint out, or write --cfg-options '
                    f'model.teacher.checkpoint={left}'
                )
            train = f'Train it first: python tools/train.py {_shown(self.config)}\nor name'
            raise FileNotFoundError(
                f'teacher: there is no checkpoint in {path}. '
                f'{"Name" if "::" in self.config else train} one that is elsewhere: --cfg-options '
                'model.teacher.checkpoint=CHECKPOINT'
            )
        return str(found)

    def _copy(self, content: dict, detector: nn.Module, file: str) -> None:
        report = compare(detector, plain_names(content))
        report.left_over = [name for name in report.left_over if not training_only(name)]
        if report.missing or report.other_shape or report.left_over:
            trained = content.get('meta', {}).get('experiment_name')
            of = f' It was trained as {trained}.' if trained else ''
            raise ValueError(
                f'teacher: {file} does not fit {_shown(self.config)}: {report}.{of} {LINE} Both '
                'must be of one training.'
            )
        _load_checkpoint_to_model(detector, content, strict=False)


def _config(name: str) -> Config:
    if '::' in name:  # as a _base_, which MMEngine looks up in the package
        return Config.fromstring(f'_base_ = {name!r}', '.py')
    if not Path(name).is_file():
        raise FileNotFoundError(f'teacher: there is no config {name!r}. {LINE}')
    return read_config(name)


def _report(meta: dict, cfg: Config, file: str) -> bool:
    """Say which weights teach; whether their training has not come to its end."""
    epoch, last = meta.get('epoch'), (cfg.get('train_cfg') or {}).get('max_epochs')
    after = f' after epoch {epoch}' if epoch else ''
    print_log(f'teacher: {_shown(file)}{after}', 'current')
    unfinished = bool(epoch and last and epoch < last)
    if unfinished:
        print_log(
            f'teacher: its config trains for {counted(last, "epoch")}. A student soon passes a '
            'teacher that is not trained to the end.',
            'current',
            logging.WARNING,
        )
    return unfinished


def _shown(path: str) -> str:
    """A path as one would type it here."""
    absolute, here = Path(path).absolute(), Path.cwd()
    if '::' in path or '://' in path:
        return path
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else path
