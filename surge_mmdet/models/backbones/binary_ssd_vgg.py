"""VGG-16 of SSD with 1-bit convolutions."""

from typing import Optional

from mmcv.cnn import build_norm_layer
from mmdet.models.backbones.ssd_vgg import SSDVGG
from torch import nn

from ...convert import DEFAULT_POLICY, binarize
from ...layers.activations import build_act_layer
from ...registry import MODELS
from ..pretrained import LoadsRealWeights
from ..shortcut import ShortcutConvModule

POOLINGS = ('max', 'stride')


@MODELS.register_module()
class BinarySSDVGG(LoadsRealWeights, SSDVGG):
    """mmdet's SSDVGG with BN, shortcuts and binary convolutions.

    The places in ``features`` are those of mmdet's SSDVGG, so that
    ``out_feature_indices`` keeps its meaning; a convolution becomes
    convolution, BN and a shortcut without parameters, a ReLU the activation.
    After a max pooling comes a BN: maxima of centred values are mostly
    positive, and their signs would tell little. Real by default are the
    first convolution (conv1_1) and the last (conv7).

    Args:
        depth (int): 11, 13, 16 or 19 as in mmdet; SSD uses 16.
        policy (dict | None): See
            :class:`~surge_mmdet.convert.BinaryPolicy`. None keeps the
            same structure real-valued.
        act_cfg (dict): Activation: PReLU (default), RPReLU or Hardtanh.
        norm_cfg (dict): Norm of all convolutions, by default BN.
        pooling (str): ``max`` (default), or ``stride``: binary 3x3
            convolutions of stride 2 in place of the poolings, as BiDet
            (Wang et al., CVPR 2020) has them.
        norm_eval (bool): Freeze the running statistics of BN.
        frozen_stages (int): Stages to freeze, -1 for none.
        init_cfg (dict | None): As mmdet's; ``Pretrained`` takes the layout
            of this class, of mmdet's SSDVGG and of torchvision's VGG.
        **kwargs: ``with_last_pool``, ``ceil_mode``, ``out_indices``,
            ``out_feature_indices`` as mmdet's.

    Raises:
        ValueError: If ``pooling`` is unknown, ``act_cfg`` is a ReLU, or the
            policy cannot apply.
    """

    def __init__(
        self,
        depth: int,
        policy: Optional[dict] = DEFAULT_POLICY,
        act_cfg: dict = dict(type='PReLU'),
        norm_cfg: dict = dict(type='BN'),
        pooling: str = 'max',
        norm_eval: bool = False,
        frozen_stages: int = -1,
        init_cfg: Optional[dict] = None,
        **kwargs,
    ) -> None:
        if pooling not in POOLINGS:
            raise ValueError(
                f'BinarySSDVGG: pooling must be one of '
                f'{POOLINGS}, got {pooling!r}. Write '
                "pooling='max'."
            )
        if pooling == 'stride' and not kwargs.get('ceil_mode', True):
            raise ValueError(
                "BinarySSDVGG: pooling='stride' rounds odd sizes up. Write ceil_mode=True."
            )
        super().__init__(depth, init_cfg=init_cfg, **kwargs)
        # mmcv's VGG reads these two in train().
        self.bn_eval, self.frozen_stages = norm_eval, frozen_stages
        self.depth = depth
        self.act_cfg, self.norm_cfg, self.pooling = act_cfg, norm_cfg, pooling
        self._rebuild()
        binarize(self, policy, self._real_layers())
        self.train(self.training)

    def _rebuild(self) -> None:
        """Swap each layer of mmdet's for its binary-friendly counterpart."""
        channels = 0
        for i, layer in enumerate(self.features):
            if isinstance(layer, nn.Conv2d):
                self.features[i] = self._conv(layer)
                channels = layer.out_channels
            elif isinstance(layer, nn.ReLU):
                self.features[i] = build_act_layer(self.act_cfg, channels)
            else:
                self.features[i] = self._pool(layer, channels)

    def _conv(self, conv: nn.Conv2d) -> ShortcutConvModule:
        return ShortcutConvModule(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0],
            conv.stride[0],
            conv.padding[0],
            conv.dilation[0],
            norm_cfg=self.norm_cfg,
            act_cfg=None,
        )

    def _pool(self, pool: nn.MaxPool2d, channels: int) -> nn.Module:
        if self.pooling == 'stride' and pool.stride == 2:
            return ShortcutConvModule(
                channels, channels, 3, 2, 1, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg
            )
        return nn.Sequential(pool, build_norm_layer(self.norm_cfg, channels)[1])

    def _real_layers(self) -> dict:
        last = max(
            i for i, layer in enumerate(self.features) if isinstance(layer, ShortcutConvModule)
        )
        return {
            'features.0.conv': 'conv1_1: reads the image',
            f'features.{last}.conv': 'conv7: 1x1, feeds the prediction',
        }

    def train(self, mode: bool = True):
        """As mmcv's VGG, for every BN, and returns the module."""
        super().train(mode)
        for module in self.modules() if self.bn_eval else ():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def remedy(self, state_dict: dict) -> str:
        """The depth that a checkpoint of another VGG would fit."""
        found = len(_convolutions(state_dict))
        for depth, stages in self.arch_settings.items():
            if sum(stages) == found and depth != self.depth:
                return (
                    f'It is a VGG-{depth}: write depth={depth}, or choose '
                    f'a checkpoint of VGG-{self.depth}.'
                )
        return ''

    def real_names(self, state_dict: dict) -> dict:
        """Rename keys of a plain VGG checkpoint to this structure.

        Convolutions and norms are matched in their order: mmdet's SSDVGG
        has no norms, torchvision's ``vgg16_bn`` has one per convolution.
        Biases stay behind, since BN follows.
        """
        if any('.conv.' in k for k in state_dict):
            return state_dict
        plain = [k for k in state_dict if k.startswith('features.')]
        units = [
            f'features.{i}'
            for i, m in enumerate(self.features)
            if isinstance(m, ShortcutConvModule) and m.stride == (1, 1)
        ]  # not one in a pooling's place
        renamed = {k: v for k, v in state_dict.items() if k not in plain}
        norms = sorted({_place(k) for k in plain if 'running_mean' in k})
        convs = sorted({_place(k) for k in plain} - set(norms))
        for places, leaf in ((convs, 'conv'), (norms, 'bn')):
            for place, unit in zip(places, units, strict=False):
                for key in (k for k in plain if _place(k) == place):
                    part = key.rpartition('.')[2]
                    if leaf == 'bn' or part == 'weight':
                        renamed[f'{unit}.{leaf}.{part}'] = state_dict[key]
        return renamed


def _convolutions(state_dict: dict) -> list:
    """Convolution weights of VGG itself, without SSD's conv6 and conv7."""
    weights = [
        v
        for k, v in state_dict.items()
        if k.startswith('features.') and k.endswith('weight') and v.dim() == 4
    ]
    return [w for w in weights if w.shape[0] != 1024]


def _place(key: str) -> int:
    return int(key.split('.')[1])
