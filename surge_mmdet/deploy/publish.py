"""From a checkpoint of a training to a packed file."""

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple, Optional

from mmdet.models.roi_heads.bbox_heads import BBoxHead
from torch import nn

from ..convert import layer_rows
from ..layers import BinaryLayer
from ..models.pretrained import training_only
from ..text import aligned
from . import format as packed_format
from .checkpoint import open_checkpoint
from .config_text import to_text
from .format import PackedFile
from .load import COUNTER, packed_structure, stored_names
from .packed_layers import PackedLayer
from .real_storage import REAL, check_real, encode

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
        new_folder (bool): Whether the folder of the file was made for it.
    """

    path: Path
    sizes: dict
    real: str
    real_layers: dict
    kept: dict
    new_folder: bool

    def __str__(self) -> str:
        packed, twin = self.sizes['packed'], self.sizes['float twin']
        rows = [
            [name, _mb(size), f'{size / packed:.1f} times as large ({what})']
            for name, size, what in (
                ('float twin', twin, 'the same weights, each a float32'),
                ('checkpoint', self.sizes['checkpoint'], 'with what only training needs'),
            )
        ]
        where = f'{self.path} in a new folder' if self.new_folder else self.path
        lines = [f'Wrote {where}: {_mb(packed)}, real weights as {self.real}']
        lines += [f'  {line}' for line in aligned(rows)]
        for reason, names in self.real_layers.items():
            stay = 'stays' if len(names) == 1 else 'stay'
            lines.append(f'  {len(names)} {stay} real: {_some(names)} ({reason})')
        for name, reason in self.kept.items():
            lines.append(f'  NOT PACKED {name}: {reason}')
        return '\n'.join(lines)


def publish(checkpoint, path, config: Optional[str] = None, real: str = REAL[0]) -> Published:
    """Pack the detector of a checkpoint into a file.

    Args:
        checkpoint: Of a training. Name only files you trust: a checkpoint is a pickle.
        path: Of the packed file, ending in ``.safetensors``. Its folder is made
            if it is missing.
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
    content = packed_content(model, real)
    sizes = {'checkpoint': Path(checkpoint).expanduser().stat().st_size, 'float twin': twin}
    new_folder = not path.parent.exists()
    sizes['packed'] = packed_format.write(path, content)
    return Published(path, sizes, real, layers, kept, new_folder)


def packed_content(
    model: nn.Module, real: str, finer: Optional[set] = None, exact: Collection = ()
) -> PackedFile:
    """What the file of a packed model holds.

    Args:
        model (nn.Module): Of :func:`packed_structure`, not fused.
        real (str): See :func:`real_storage.encode`.
        finer (set | None): Names of weights that are stored finer; None for
            those in front of packed layers.
        exact (Collection[str]): Names of more weights that stay float32.
    """
    finer = before_signs(model) if finer is None else finer
    exact = _latent(model) | set(exact)
    return PackedFile(
        tensors=encode(stored_tensors(model), real, finer, exact),
        config=to_text(model.cfg),
        dataset_meta=model.dataset_meta,
        real=real,
    )


def stored_tensors(model: nn.Module) -> dict:
    """The tensors of a packed model by their names in the file."""
    own = model.state_dict()
    return {first: own[first] for first in stored_names(model).values()}


def before_signs(model: nn.Module) -> set:
    """Names of the parameters of real layers whose outputs go on to a packed one.

    Outside of heads that is every layer in front of the last packed one, in
    the order in which modules are registered, which is that in which they
    run; in a head, those in front of its own last packed layer. An RPN is no
    head here: what it proposes is what a packed box head reads. The predictions
    of a box head are registered first and run last.
    """
    modules = list(model.named_modules())
    last = {}
    for place, (name, module) in enumerate(modules):
        if isinstance(module, PackedLayer):
            last[_head(name)] = place
    last[''] = max(last.values(), default=-1)
    behind = _last_predictions(modules)
    return {
        f'{name}.{own}'
        for place, (name, module) in enumerate(modules)
        for own in module._parameters
        if place < last.get(_head(name), -1) and module not in behind
    }


def _last_predictions(modules: list) -> set:
    """Scores and offsets of box heads, of a cascade's last one."""
    heads = {_head(name): module for name, module in modules if isinstance(module, BBoxHead)}
    parts = (getattr(head, key, None) for head in heads.values() for key in ('fc_cls', 'fc_reg'))
    return {part for part in parts if part is not None}


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


def _latent(model: nn.Module) -> set:
    """Weights of binary layers that were kept: only signs and means of them are used."""
    return {
        f'{name}.{own}'
        for name, layer in model.named_modules()
        if isinstance(layer, BinaryLayer) and layer.weight_rule.bits == 1
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
