"""CONTRIBUTING.md's way to a new surrogate, walked step by step."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from doc_blocks import blocks

PAGE = ROOT / 'CONTRIBUTING.md'
FILES = {block.rest: block.code for block in blocks(PAGE) if block.word == 'file'}
# A training step of the config, and of the threshold under SURGE.
STEPS = """
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from surge_mmdet.layers import BinaryConv2d, BinaryLayer

cfg = Config.fromfile('my-tanh.py')
init_default_scope('mmdet')
model = MODELS.build(cfg.model)
layers = [m for m in model.modules() if isinstance(m, BinaryLayer)]
print('activations', *sorted({type(m.activation).__name__ for m in layers}), len(layers))
x = torch.randn(1, 3, 64, 64)
sum(level.square().mean() for level in model.neck(model.backbone.train()(x))).backward()
grads = [m.aux_weight.grad for m in model.backbone.modules() if isinstance(m, BinaryLayer)]
print('trained', all(g is not None and g.abs().sum() > 0 for g in grads))

import sign_threshold
layer = BinaryConv2d(4, 8, 3, activation=dict(type='SignThreshold'), surge=dict(eta=0.3))
layer(torch.randn(2, 4, 9, 9, requires_grad=True)).square().sum().backward()
grad = layer.activation.threshold.grad
print('threshold', grad.shape == (4,) and bool((grad != 0).all()))
"""


def python(folder, *paths, code):
    """Lines that ``code`` prints in a process of its own."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, paths)), OMP_NUM_THREADS='1')
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path):
    """The reader's folder after writing what the page says."""
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    return tmp_path


def test_it_is_twenty_lines():
    lines = [line for line in FILES['sign_tanh.py'].splitlines() if line.strip()]
    assert len(lines) <= 20
    assert len([line for line in FILES['sign_threshold.py'].splitlines() if line.strip()]) <= 20


@pytest.mark.slow
def test_the_surrogate_trains_from_its_file(folder):
    out = python(folder, ROOT, folder, code=STEPS)
    assert 'activations SignTanh 25' in out
    assert 'trained True' in out
    assert 'threshold True' in out


@pytest.mark.slow
def test_its_test_passes_and_can_fail(folder):
    """CONTRIBUTING.md's test, and the same for a surrogate with a wrong gradient."""
    for name in ('sign_tanh.py', 'test_sign_tanh.py'):
        text = FILES[name].replace('sign_tanh', 'wrong_tanh').replace('SignTanh', 'WrongTanh')
        wrong = text.replace('.square())', ')') if name == 'sign_tanh.py' else text
        (folder / name.replace('sign', 'wrong')).write_text(wrong)
    env = dict(os.environ, PYTHONPATH=f'{ROOT}{os.pathsep}{folder}')
    files = ('test_sign_tanh.py', 'test_wrong_tanh.py')
    line = [sys.executable, '-m', 'pytest', *files, '-q', '-c', os.devnull]
    done = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True)
    assert '2 failed, 8 passed' in done.stdout, done.stdout
    assert done.stdout.count('FAILED test_wrong_tanh.py::test_gradient_is_that_of_tanh') == 2


def test_into_the_package(tmp_path):
    """The file in activations/, the name in the list of binarizers/__init__.py, nothing else."""
    package = tmp_path / 'surge_mmdet'
    shutil.copytree(ROOT / 'surge_mmdet', package, ignore=shutil.ignore_patterns('.mim', '*.pyc'))
    file = re.sub(r'@BINARIZERS.*\n|from surge_mmdet.registry.*\n', '', FILES['sign_tanh.py'])
    file = file.replace('from surge_mmdet.binarizers import', 'from ..base import')
    (package / 'binarizers/activations/sign_tanh.py').write_text(file)
    index = package / 'binarizers/__init__.py'
    line = 'from .activations.sign_ste import SignSTE\n'
    text = index.read_text().replace(line, f'{line}from .activations.sign_tanh import SignTanh\n')
    listed = text.replace('ACTIVATIONS = (\n', 'ACTIVATIONS = (\n    SignTanh,\n')
    assert listed != text
    index.write_text(listed)
    code = (
        'from surge_mmdet.layers import BinaryConv2d\n'
        "print(BinaryConv2d(4, 4, 3, activation=dict(type='SignTanh')).activation)"
    )
    assert python(tmp_path, tmp_path, code=code)[-1] == 'SignTanh()'
