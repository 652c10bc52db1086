import json
import subprocess
import sys

import pytest

from surge_mmdet import registry

SCRIPT = """
import json
from mmdet import registry
from mmengine.registry import FUNCTIONS, LOG_PROCESSORS
found = {}
for kind, names in {
        'MODELS': ['BinaryConv2d', 'BinaryResNet', 'BinaryFPN',
                   'BinaryRPNHead', 'ImageClassifier'],
        'HOOKS': ['AGSHook', 'NonFiniteStepHook', 'EpochSeedHook'],
        'DATASETS': ['VOCLayoutDataset', 'CocoDataset']}.items():
    for name in names:
        found[name] = getattr(registry, kind).get('surge_mmdet.' + name)
found['keep_worker_seed'] = FUNCTIONS.get('surge_mmdet.keep_worker_seed')
found['SurgeLogProcessor'] = LOG_PROCESSORS.get(
    'surge_mmdet.SurgeLogProcessor')
print(json.dumps({n: f and f.__module__ for n, f in found.items()}))
"""


def test_scoped_types_resolve_in_a_fresh_process_without_imports():
    done = subprocess.run([sys.executable, '-c', SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = json.loads(done.stdout.splitlines()[-1])
    assert len(modules) == 12
    for name, module in modules.items():
        assert module and module.startswith('surge_mmdet.'), name


@pytest.mark.parametrize(
    'kind', ['MODELS', 'HOOKS', 'FUNCTIONS', 'DATASETS', 'LOG_PROCESSORS', 'TRANSFORMS', 'METRICS']
)
def test_registries_are_children_with_our_scope(kind):
    child = getattr(registry, kind)
    assert child.scope == 'surge_mmdet'
    assert child.parent.scope == 'mmengine'


@pytest.mark.parametrize(
    'kind, name',
    [
        ('BINARIZERS', 'SignSTE'),
        ('BINARIZERS', 'ChannelMean'),
        ('POLICIES', 'BinaryPolicy'),
        ('BRANCHES', 'full'),
        ('BRANCHES', 'lowrank'),
        ('COMBINATIONS', 'norm_preserving'),
        ('SCALERS', 'running'),
    ],
)
def test_own_registries_have_no_parent(kind, name):
    own = getattr(registry, kind)
    assert own.parent is None and own.get(name) is own.module_dict[name]
