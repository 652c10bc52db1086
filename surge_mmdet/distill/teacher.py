"""The frozen detector that a student learns from."""

from pathlib import Path
from typing import Optional

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import find_latest_checkpoint
from mmengine.runner.checkpoint import _load_checkpoint, _load_checkpoint_to_model
from torch import Tensor, nn

LINE = "Write teacher=dict(config='CONFIG', checkpoint='CHECKPOINT')."


class Teacher:
    """A real detector by its config and checkpoint; no module, so no part of the student.

    It is built when it is first asked, or by :meth:`load`: a config with a
    teacher tests without it. Its parameters take no gradient, its norms keep
    their statistics, and neither ``state_dict`` nor a copy of the student
    (EMA) contains it.

    Args:
        config (str): Config of the teacher, as for ``tools/train.py``.
        checkpoint (str | None): File, or a training's folder, whose last
            checkpoint is taken; None for ``work_dirs/`` and the config's
            name, where mmdet's tool trains it.
        cfg_options (dict | None): As ``--cfg-options``.

    Raises:
        TypeError: If the config is no file's name; the text shows the line.
    """

    def __init__(
        self, config: str, checkpoint: Optional[str] = None, cfg_options: Optional[dict] = None
    ) -> None:
        if not isinstance(config, str):
            raise TypeError(f'teacher: config must be a file, got {config!r}. {LINE}')
        self.config = config
        self.checkpoint = checkpoint or f'work_dirs/{Path(config).stem}'
        self.cfg_options = cfg_options or {}
        self._detector: Optional[nn.Module] = None

    def __deepcopy__(self, memo) -> 'Teacher':
        return self  # frozen: copies of the student share it

    def load(self, student: nn.Module) -> nn.Module:
        """The detector, in eval mode, on the student's device.

        Raises:
            FileNotFoundError: If its config or its checkpoint is not there;
                the text tells how to train it.
            ValueError: If it does not fit the student.
        """
        if self._detector is None:
            self._detector = self._build(student)
        return self._detector.to(next(student.parameters()).device)

    @torch.no_grad()
    def features(self, student: nn.Module, images: Tensor) -> tuple:
        """The maps of its neck for a batch of preprocessed images."""
        return self.load(student).extract_feat(images)

    def _build(self, student: nn.Module) -> nn.Module:
        if not Path(self.config).is_file():
            raise FileNotFoundError(f'teacher: there is no config {self.config!r}. {LINE}')
        file = self._file()
        cfg = Config.fromfile(self.config)
        cfg.merge_from_dict(self.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmdet'))
        detector = MODELS.build(cfg.model)
        content = _load_checkpoint(str(file), map_location='cpu')
        try:
            _load_checkpoint_to_model(detector, content, strict=True)
        except RuntimeError as error:
            raise ValueError(
                f'teacher: {file} does not fit {self.config}: {error}\n{LINE}'
            ) from error
        _check_classes(content, file, detector, student)
        _check_preprocessing(detector, student)
        return detector.eval().requires_grad_(False)

    def _file(self) -> Path:
        path = Path(self.checkpoint)
        found = find_latest_checkpoint(str(path)) if path.is_dir() else path
        if not found or not Path(found).is_file():
            raise FileNotFoundError(
                f'teacher: there is no checkpoint in {path}. Train it first: '
                f'python tools/train.py {self.config}\nor write '
                f"model=dict(teacher=dict(checkpoint='CHECKPOINT'))."
            )
        return Path(found)


def _check_classes(content: dict, file: Path, teacher: nn.Module, student: nn.Module) -> None:
    ours, theirs = _num_classes(student), _num_classes(teacher)
    if ours != theirs:
        raise ValueError(
            f'teacher: {file} knows {theirs} classes, the student {ours}. Take a teacher that '
            'was trained on the same data.'
        )


def _num_classes(detector: nn.Module) -> Optional[int]:
    counts = [getattr(module, 'num_classes', None) for module in detector.modules()]
    return max((count for count in counts if isinstance(count, int)), default=None)


def _check_preprocessing(teacher: nn.Module, student: nn.Module) -> None:
    """The student's images are shown to the teacher: both must expect the same."""
    ours, theirs = (_preprocessing(detector) for detector in (student, teacher))
    if ours != theirs:
        raise ValueError(
            f"teacher: its data_preprocessor has {theirs}, the student's {ours}. Write the same "
            'data_preprocessor=dict(...) in both configs.'
        )


def _preprocessing(detector: nn.Module) -> dict:
    part = detector.data_preprocessor
    found = {}
    for key in ('mean', 'std'):
        value = getattr(part, key, None)
        found[key] = value.flatten().tolist() if isinstance(value, Tensor) else value
    return {**found, 'bgr_to_rgb': getattr(part, '_channel_conversion', False)}
