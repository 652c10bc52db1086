"""Real-valued checkpoints into latent weights, with a report."""

import re
from dataclasses import dataclass, field
from typing import Optional

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ..layers import TRAINING_ONLY
from ..losses import PREFIX


@dataclass
class LoadReport:
    """Which names of a checkpoint met which names of a model."""

    matched: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    left_over: list = field(default_factory=list)
    other_shape: list = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f'{len(self.matched)} tensors matched']
        for title in ('missing', 'left_over', 'other_shape'):
            names = getattr(self, title)
            if names:
                label = title.replace('_', ' ')
                shown = ', '.join(names[:5])
                more = ', ...' if len(names) > 5 else ''
                lines.append(f'{len(names)} {label}: {shown}{more}')
        return '; '.join(lines)


def training_only(name: str) -> bool:
    """Whether a tensor of this name is not needed to detect."""
    return name.endswith(TRAINING_ONLY) or name.startswith(PREFIX)


def compare(model: nn.Module, state_dict: dict) -> LoadReport:
    """What loading ``state_dict`` into ``model`` would do.

    Names that only training needs (auxiliary weights and statistics) are
    never missing: they start afresh.
    """
    report = LoadReport()
    own = model.state_dict()
    for name, value in own.items():
        if name not in state_dict:
            if not (training_only(name) or name.endswith('num_batches_tracked')):
                report.missing.append(name)
        elif value.shape != state_dict[name].shape:
            report.other_shape.append(
                f'{name} {tuple(state_dict[name].shape)} in the checkpoint, '
                f'{tuple(value.shape)} in the model'
            )
        else:
            report.matched.append(name)
    report.left_over = [n for n in state_dict if n not in own]
    return report


def plain_names(checkpoint: dict) -> dict:
    """The weights of a checkpoint file, without a wrapper's ``module.``."""
    state_dict = checkpoint.get('state_dict', checkpoint)
    return {k.removeprefix('module.'): v for k, v in state_dict.items()}


def _other_depth(report: LoadReport) -> bool:
    """Whether only a part of a matched stage's blocks is on either side.

    What only training needs tells nothing: a checkpoint of SURGE fits a plain
    binary network.
    """
    stages = {n.split('.')[0] for n in report.matched if '.' in n}
    return any(
        re.match(r'layer\d+\.\d+\.conv', n) and n.split('.')[0] in stages
        for n in report.left_over + report.missing
        if not training_only(n)
    )


def check_fit(model: nn.Module, state_dict: dict, source: str) -> LoadReport:
    """Compare, and refuse weights of another structure.

    Args:
        model (nn.Module): A backbone; see :func:`load_pretrained`.
        state_dict (dict): Weights by the names of ``model``.
        source (str): What the error calls them.

    Raises:
        ValueError: If nothing matches or shapes differ (another depth).
    """
    report = compare(model, state_dict)
    if report.other_shape or not report.matched or _other_depth(report):
        raise ValueError(
            f'{source} does not fit {type(model).__name__}: {report}. {_remedy(model, state_dict)}'
        )
    return report


def _remedy(model: nn.Module, state_dict: dict) -> str:
    if not state_dict or any(k.startswith('backbone.') for k in state_dict):
        return (
            "Write init_cfg=dict(type='Pretrained', checkpoint=..., "
            "prefix='backbone.') for the backbone of a whole detector."
        )
    own = getattr(model, 'remedy', lambda _: '')(state_dict)
    return own or (
        'Write init_cfg=None for a random start, or name a checkpoint of the same structure.'
    )


def load_pretrained(model: nn.Module, checkpoint: str, prefix: Optional[str] = None) -> LoadReport:
    """Load a real-valued or binary checkpoint by name, and report.

    Args:
        model (nn.Module): May offer ``real_names(state_dict)`` to rename the
            keys of the real-valued original, and ``remedy(state_dict)`` to
            say what would fit.
        checkpoint (str): Path, or any address MMEngine can load.
        prefix (str | None): Take only keys under this prefix
            (``backbone.``), without it.

    Raises:
        ValueError: If nothing matches or shapes differ (another depth).
    """
    try:
        loaded = CheckpointLoader.load_checkpoint(checkpoint, 'cpu')
    except ImportError as error:
        raise ImportError(
            f'{checkpoint} needs a package that is not installed ({error}). '
            'Write init_cfg=None for a random start, or init_cfg=dict('
            "type='Pretrained', checkpoint='resnet18.pth') with a file."
        ) from error
    state_dict = plain_names(loaded)
    if prefix:
        prefix = prefix.rstrip('.') + '.'
        state_dict = {k[len(prefix) :]: v for k, v in state_dict.items() if k.startswith(prefix)}
    if hasattr(model, 'real_names'):
        state_dict = model.real_names(state_dict)
    report = check_fit(model, state_dict, checkpoint)
    model.load_state_dict(state_dict, strict=False)
    print_log(f'{type(model).__name__} from {checkpoint}: {report}', 'current')
    return report


class LoadsRealWeights:
    """Mixin of backbones: ``Pretrained`` maps real-valued names, reports."""

    def init_weights(self) -> None:
        """As mmdet's, but for ``init_cfg=dict(type='Pretrained')``."""
        asked = self.init_cfg
        entries = asked if isinstance(asked, (list, tuple)) else [asked]
        loads = [c for c in entries if isinstance(c, dict) and c.get('type') == 'Pretrained']
        if loads:
            self.init_cfg = [c for c in entries if c and c not in loads]
        super().init_weights()
        for cfg in loads:
            load_pretrained(self, cfg['checkpoint'], cfg.get('prefix'))
        self.init_cfg = asked
