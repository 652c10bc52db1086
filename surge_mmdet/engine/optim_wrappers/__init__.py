"""Optimiser wrappers that keep auxiliary weights apart."""

from .constructor import SurgeOptimWrapperConstructor
from .surge_optim_wrapper import (
    ApartClipping,
    SurgeAmpOptimWrapper,
    SurgeOptimWrapper,
)

__all__ = [
    'ApartClipping',
    'SurgeAmpOptimWrapper',
    'SurgeOptimWrapper',
    'SurgeOptimWrapperConstructor',
]
