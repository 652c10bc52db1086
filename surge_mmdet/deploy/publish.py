"""From a checkpoint of a training to a packed file."""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, Optional

from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ..convert import layer_rows
from ..layers import BinaryLayer
from ..models import compare
from ..models.pretrained import plain_names, training_only
from . import format as packed_format
from .checkpoint_loader import packed_source
from .config_text import from_text, to_text
from .format import PackedFile
from .load import COUNTER, build_detector, packed_structure, stored_names
from .packed_layers import PackedLayer
from .real_storage import REAL, check_real, encode

LINE = 'publish_model.py CHECKPOINT OUT --config CONFIG'
SHOWN = 3  # layers of one reason, at most


class Published(NamedTuple):
    """What was written, and what it replaces.

    Attributes:
        path (Path): Of the packed file.
        sizes (dict[str, int]): Bytes of ``checkpoint``, ``float twin``, ``packed``.
        real (str): How real weights are stored.
        real_layers (dict[str, list]): Reason to names of layers that stay real.
        kept (dict[str, str]): Name to reason of binary layers that could not
            be packed.
    """

    path: Path
    sizes: dict
    real: str
    real_layers: dict
    kept: dict

    def __str__(self) -> str:
        sizes, packed = self.sizes, self.sizes['packed']
        lines = [
            f'{self.path}: {_mb(packed)}, real weights as {self.real}',
            f'  checkpoint                 {_mb(sizes["checkpoint"])}',
            f'  weights of the float twin  {_mb(sizes["float twin"])}, '
            f'{sizes["float twin"] / packed:.1f} times the packed file',
        ]
        for reason, names in self.real_layers.items():
            lines.append(f'  {len(names)} real ({reason}): {_some(names)}')
        for name, reason in self.kept.items():
            lines.append(f'  NOT PACKED {name}: {reason}')
        return '\n'.join(lines)


def publish(checkpoint, path, config: Optional[str] = None, real: str = REAL[0]) -> Published:
    """Pack the detector of a checkpoint into a file.

    Args:
        checkpoint: Of a training. Name only files you trust: a checkpoint is a pickle.
        path: Of the packed file, ending in ``.safetensors``.
        config (str | None): Path of the config; None for the one that the
            checkpoint carries.
        real (str): See :func:`real_storage.encode`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the checkpoint is of another config, has no classes or
            no binary layers, or holds NaN; the text says what to do. Nothing
            is written then.
    """
    check_real(real)
    path = packed_format.check_name(path)
    model = open_checkpoint(checkpoint, config)
    twin = float_bytes(model)
    layers = _real_layers(model)
    kept = packed_structure(model)
    content = PackedFile(
        tensors=encode(stored_tensors(model), real, before_signs(model), _latent(model)),
        config=to_text(model.cfg),
        dataset_meta=model.dataset_meta,
        real=real,
    )
    sizes = {'checkpoint': Path(checkpoint).stat().st_size, 'float twin': twin}
    sizes['packed'] = packed_format.write(path, content)
    return Published(path, sizes, real, layers, kept)


def open_checkpoint(checkpoint, config: Optional[str] = None) -> nn.Module:
    """The detector of a checkpoint, as it was trained, in eval mode.

    Args:
        checkpoint: Of a training.
        config (str | None): Path; None for the one in the checkpoint.

    Returns:
        nn.Module: With ``cfg`` (what inference needs) and ``dataset_meta``.

    Raises:
        FileNotFoundError, ValueError: As :func:`publish`.
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
    model.load_state_dict(weights, strict=False)
    model.dataset_meta = _dataset_meta(checkpoint, meta, cfg)
    _check_classes(model)
    return model


def stored_tensors(model: nn.Module) -> dict:
    """The tensors of a packed model by their names in the file."""
    own = model.state_dict()
    return {first: own[first] for first in stored_names(model).values()}


def before_signs(model: nn.Module) -> set:
    """Names of the parameters of real layers whose outputs go on to a packed one.

    Outside of heads that is every layer in front of the last packed one, in
    the order in which modules are registered, which is that in which they
    run; in a head, those in front of its own last packed layer. An RPN is no
    head here: what it proposes is what a packed box head reads.
    """
    modules = list(model.named_modules())
    last = {}
    for place, (name, module) in enumerate(modules):
        if isinstance(module, PackedLayer):
            last[_head(name)] = place
    last[''] = max(last.values())
    return {
        f'{name}.{own}'
        for place, (name, module) in enumerate(modules)
        for own in module._parameters
        if place < last.get(_head(name), -1)
    }


def _head(name: str) -> str:
    """The innermost head that a module is in, empty outside of heads and in an RPN."""
    parts = name.split('.')
    inside = [i for i, part in enumerate(parts) if 'head' in part and part != 'rpn_head']
    return '.'.join(parts[: inside[-1] + 1]) if inside else ''


def float_bytes(model: nn.Module) -> int:
    """Bytes of the weights at inference, were each a float32."""
    tensors = {
        id(tensor): tensor.numel()
        for name, tensor in model.state_dict(keep_vars=True).items()
        if not (training_only(name) or name.endswith(COUNTER))
    }
    return 4 * sum(tensors.values())


def _read_checkpoint(path) -> dict:
    try:
        saved = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    except FileNotFoundError:
        raise
    except Exception as error:  # unpickling raises whatever it likes
        raise ValueError(f'{path} is no checkpoint of a training: {error}') from error
    weights = saved.get('state_dict', saved) if isinstance(saved, dict) else None
    if not isinstance(weights, dict):
        raise ValueError(f'{path} is no checkpoint of a training: it has no state_dict')
    if packed_source(weights):
        raise ValueError(f'{path} is packed already. Name the checkpoint it was made of.')
    return saved


def _config(checkpoint, meta: dict, config: Optional[str]) -> Config:
    if config is not None:
        return Config.fromfile(config)
    if not isinstance(meta.get('cfg'), str):
        raise ValueError(f'{checkpoint} carries no config. Name the one of its training: {LINE}')
    return Config.fromstring(meta['cfg'], '.py')


def _dataset_meta(checkpoint, meta: dict, cfg: Config) -> dict:
    """``classes`` and ``palette``, from where ``init_detector`` takes them."""
    from mmdet.registry import DATASETS

    found = {key.lower(): value for key, value in (meta.get('dataset_meta') or {}).items()}
    data = DATASETS.build({**cfg.test_dataloader.dataset.to_dict(), 'lazy_init': True}).metainfo
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


def _latent(model: nn.Module) -> set:
    """Weights of binary layers that were kept: only signs and means of them are used."""
    return {
        f'{name}.{own}'
        for name, layer in model.named_modules()
        if isinstance(layer, BinaryLayer) and layer.fully_binary
        for own in layer.state_dict()
    }


def _real_layers(model: nn.Module) -> dict:
    found = defaultdict(list)
    for row in layer_rows(model):
        if row.activation_bits > 1:
            found[row.reason].append(row.name)
    return dict(found)


def _some(names: list) -> str:
    return ', '.join(names[:SHOWN]) + (f' and {len(names) - SHOWN} more' * (len(names) > SHOWN))


def _mb(size: int) -> str:
    return f'{size / 1e6:.2f} MB'
