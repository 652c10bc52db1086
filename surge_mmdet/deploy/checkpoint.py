"""The detector of a checkpoint of a training, as it was trained."""

from pathlib import Path
from typing import Optional

from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ..errors import first_sentence
from ..models import compare
from ..models.pretrained import plain_names, training_only
from ..models.trained_as import other_precision
from ..overrides import require_variable
from .checkpoint_loader import check_kind, packed_source
from .config_text import from_text, to_text
from .load import build_detector

LINE = 'publish_model.py CHECKPOINT OUT --config CONFIG'


def open_checkpoint(checkpoint, config: Optional[str] = None) -> nn.Module:
    """The detector of a checkpoint, as it was trained, in eval mode.

    Args:
        checkpoint: Of a training.
        config (str | None): Path; None for the one in the checkpoint.

    Returns:
        nn.Module: With ``cfg`` (what inference needs) and ``dataset_meta``.

    Raises:
        FileNotFoundError, ValueError: As :func:`publish.publish`.
    """
    saved = _read_checkpoint(checkpoint)
    meta = saved.get('meta') or {}
    cfg = _config(checkpoint, meta, config)
    model = build_detector(Config(from_text(to_text(cfg), 'the config')))
    weights = plain_names(saved)
    report = compare(model, weights)
    left_over = [name for name in report.left_over if not training_only(name)]
    if report.missing or report.other_shape or left_over:
        raise ValueError(
            f'{checkpoint} does not fit the config: {report}. Name the config it was trained '
            f'with: {LINE}'
        )
    problem = other_precision(model, saved)
    if problem:
        raise ValueError(
            f'{checkpoint}: {problem}. Name the config it was trained with: {LINE}, or leave '
            '--config out.'
        )
    model.load_state_dict(weights, strict=False)
    model.dataset_meta = _dataset_meta(checkpoint, meta, cfg)
    _check_classes(model)
    return model


def _read_checkpoint(path) -> dict:
    file = Path(path).expanduser()
    if not file.is_file():
        what = 'is a folder' if file.is_dir() else 'does not exist'
        raise FileNotFoundError(f'{path} {what}. Name a checkpoint: work_dirs/RUN/epoch_12.pth')
    check_kind(path)
    try:
        saved = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    except Exception as error:  # unpickling raises whatever it likes
        raise ValueError(
            f'{path} is no checkpoint of a training, or was cut off ({file.stat().st_size} bytes; '
            f'{first_sentence(error)}). Copy it again, or name another one'
        ) from error
    weights = saved.get('state_dict', saved) if isinstance(saved, dict) else None
    if not isinstance(weights, dict):
        raise ValueError(f'{path} is no checkpoint of a training: it has no state_dict')
    if packed_source(weights):
        raise ValueError(f'{path} is packed already. Name the checkpoint it was made of.')
    return saved


def _config(checkpoint, meta: dict, config: Optional[str]) -> Config:
    if config is None and not isinstance(meta.get('cfg'), str):
        raise ValueError(f'{checkpoint} carries no config. Name the one of its training: {LINE}')
    if config is not None and not Path(config).is_file():
        raise FileNotFoundError(f'{config} is no file. Name the config of the training: {LINE}')
    try:
        return Config.fromstring(meta['cfg'], '.py') if config is None else Config.fromfile(config)
    except Exception as error:  # a config is code
        if isinstance(error, KeyError):
            require_variable(error)
        source = f'the config in {checkpoint}' if config is None else config
        raise ValueError(
            f'{source} cannot be read ({first_sentence(error)}). Name the config of the training: '
            f'{LINE}'
        ) from error


def _dataset_meta(checkpoint, meta: dict, cfg: Config) -> dict:
    """``classes`` and ``palette``, from where ``init_detector`` takes them."""
    found = {key.lower(): value for key, value in (meta.get('dataset_meta') or {}).items()}
    data = _metainfo(cfg)
    classes = found.get('classes') or data.get('classes')
    if not classes:
        raise ValueError(
            f'neither {checkpoint} nor the config says the classes. Write test_dataloader=dict('
            "dataset=dict(metainfo=dict(classes=('cat', 'dog')))) into the config, and name it: "
            + LINE
        )
    palette = data.get('palette') or found.get('palette') or 'random'
    if not isinstance(palette, str):
        palette = [tuple(int(value) for value in color) for color in palette]
    return dict(classes=tuple(str(name) for name in classes), palette=palette)


def _metainfo(cfg: Config) -> dict:
    """What the config's test data says of itself; nothing is read."""
    from mmdet.registry import DATASETS

    try:
        dataset = cfg.test_dataloader['dataset'].to_dict()
        return DATASETS.build({**dataset, 'lazy_init': True}).metainfo
    except (KeyError, TypeError) as error:  # none, an unknown type, an unknown argument
        raise ValueError(
            f'the test_dataloader.dataset of the config cannot be built ({first_sentence(error)}). '
            f'Import its module by custom_imports in a config, and name it: {LINE}'
        ) from error


def _check_classes(model: nn.Module) -> None:
    classes = model.dataset_meta['classes']
    for name, head in model.named_modules():
        count = getattr(head, 'num_classes', None)
        # mmcv's VGG writes -1 for a backbone without classifier.
        if count in (None, -1) or 'rpn_head' in name:
            continue
        if count != len(classes):
            raise ValueError(
                f'{name}.num_classes is {count}, but there are {len(classes)} classes '
                f'{tuple(classes)}. Name the config it was trained with: {LINE}'
            )
