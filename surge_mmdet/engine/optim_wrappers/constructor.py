"""Builds the optimiser with auxiliary weights in groups of their own."""

from typing import Optional

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn
from torch.optim import Optimizer

from ...errors import unknown
from ...registry import OPTIM_WRAPPER_CONSTRUCTORS
from ..layer_access import compensated_layers
from .surge_optim_wrapper import AUXILIARY

# tools/train.py --amp writes MMEngine's AMP type over the one of the config.
TWINS = {
    'OptimWrapper': 'surge_mmdet.SurgeOptimWrapper',
    'AmpOptimWrapper': 'surge_mmdet.SurgeAmpOptimWrapper',
}
OPTIONS = ('lr_mult', 'decay_mult', 'clip_grad')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SurgeOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, W_a in parameter groups of its own.

    Write it once; the wrapper follows, under ``tools/train.py --amp`` too::

        optim_wrapper = dict(
            constructor='surge_mmdet.SurgeOptimWrapperConstructor',
            optimizer=dict(type='AdamW', lr=1e-3),
            clip_grad=dict(max_norm=10),
            aux=dict(lr_mult=1.0, decay_mult=1.0))

    Args:
        optim_wrapper_cfg (dict): As MMEngine's, and ``aux`` with the options

            - lr_mult (float): W_a's learning rate over the network's.
            - decay_mult (float): W_a's weight decay over the network's.
            - clip_grad (dict): W_a's own limits; default the network's.
        paramwise_cfg (dict | None): As MMEngine's; ``aux`` multiplies it.

    Raises:
        ValueError: For an unknown option of ``aux``.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: Optional[dict] = None) -> None:
        cfg = dict(optim_wrapper_cfg)
        self.aux = dict(cfg.pop('aux', None) or {})
        for key in set(self.aux) - set(OPTIONS):
            value = repr(self.aux[key]).replace('{', '{{').replace('}', '}}')
            line = f'optim_wrapper=dict(aux=dict({{}}={value}))'
            raise unknown('optim_wrapper: option of aux', key, OPTIONS, line)
        kind = cfg.get('type', 'OptimWrapper')
        cfg['type'] = TWINS.get(kind, kind)
        if 'clip_grad' in self.aux:
            cfg['clip_aux_grad'] = self.aux['clip_grad']
        super().__init__(cfg, paramwise_cfg)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """The wrapper, its optimiser with W_a apart."""
        wrapper = super().__call__(model)
        own = {id(layer.aux_weight) for layer in compensated_layers(model).values()}
        for group in list(wrapper.optimizer.param_groups):
            self._part(wrapper.optimizer, group, own)
        return wrapper

    def _part(self, optimizer: Optimizer, group: dict, own: set) -> None:
        auxiliary = [p for p in group['params'] if id(p) in own]
        if not auxiliary:
            return
        group['params'] = [p for p in group['params'] if id(p) not in own]
        options = {k: v for k, v in group.items() if k != 'params'}
        options['lr'] *= self.aux.get('lr_mult', 1.0)
        options['weight_decay'] *= self.aux.get('decay_mult', 1.0)
        optimizer.add_param_group({**options, AUXILIARY: True, 'params': auxiliary})
        optimizer.param_groups[:] = [g for g in optimizer.param_groups if g['params']]
