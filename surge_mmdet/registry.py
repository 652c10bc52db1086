"""Registries of this package, children of MMEngine's.

A scoped type such as ``surge_mmdet.BinaryConv2d`` makes MMEngine import this
module; the ``locations`` then import what registers the type, on first use.
"""

from .environment import UPSTREAM, installed, require_supported_stack
from .errors import moved

require_supported_stack()

import mmengine.registry as _mmengine  # noqa: E402
from mmengine.registry import DATASETS as _DATASETS  # noqa: E402
from mmengine.registry import FUNCTIONS as _FUNCTIONS  # noqa: E402
from mmengine.registry import HOOKS as _HOOKS  # noqa: E402
from mmengine.registry import LOG_PROCESSORS as _LOG_PROCESSORS  # noqa: E402
from mmengine.registry import METRICS as _METRICS  # noqa: E402
from mmengine.registry import MODELS as _MODELS  # noqa: E402
from mmengine.registry import (  # noqa: E402
    OPTIM_WRAPPER_CONSTRUCTORS as _CONSTRUCTORS,
)
from mmengine.registry import OPTIM_WRAPPERS as _OPTIM_WRAPPERS  # noqa: E402
from mmengine.registry import TRANSFORMS as _TRANSFORMS  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

SCOPE = 'surge_mmdet'


def _child(name, parent, *rooms):
    locations = [f'{SCOPE}.{room}' for room in rooms]
    return Registry(name, parent=parent, scope=SCOPE, locations=locations)


# deploy teaches mmengine to load packed files in the place of checkpoints.
MODELS = _child(
    'model', _MODELS, 'layers', 'losses', 'models', 'distill', 'classification', 'deploy'
)
HOOKS = _child('hook', _HOOKS, 'engine')
FUNCTIONS = _child('function', _FUNCTIONS, 'engine')
LOG_PROCESSORS = _child('log processor', _LOG_PROCESSORS, 'engine')
DATASETS = _child('dataset', _DATASETS, 'datasets', 'classification')
TRANSFORMS = _child('transform', _TRANSFORMS, 'classification')
METRICS = _child('metric', _METRICS, 'classification')
OPTIM_WRAPPERS = _child('optim_wrapper', _OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor', _CONSTRUCTORS, 'engine')
BINARIZERS = _child('binarizer', None, 'binarizers')
SCALERS = _child('gradient scaler', None, 'surge', 'surge.extensions')
BRANCHES = _child('auxiliary branch', None, 'surge', 'surge.extensions')
COMBINATIONS = _child('gradient combination', None, 'surge', 'surge.extensions')
POLICIES = _child('policy', None, 'convert')

# Nothing of ours in these; a config with default_scope='surge_mmdet' asks
# every registry for this scope, and MMEngine warns where it is unknown.
for _name in (
    'DATA_SAMPLERS',
    'EVALUATOR',
    'LOOPS',
    'OPTIMIZERS',
    'PARAM_SCHEDULERS',
    'VISBACKENDS',
    'VISUALIZERS',
    'WEIGHT_INITIALIZERS',
):
    _parent = getattr(_mmengine, _name)
    _child(_parent.name, _parent)

__getattr__ = moved('registry', dict(WEIGHT_SCALES='from surge_mmdet.registry import BINARIZERS'))

if installed(UPSTREAM):
    from . import upstream  # noqa: F401
