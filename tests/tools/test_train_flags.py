"""Flags of ``tools/train.py`` and what they leave of SURGE's optimiser.

Each training is a process of its own, as a person starts it. A module that
the config imports writes down what trained; for ``--amp`` on a machine
without a GPU it also lets MMEngine believe in one.
"""

import os
import subprocess
import sys

import pytest
import torch
from conftest import ROOT, tiny_config
from mmengine.config import Config

# mmcv's NMS, which Faster R-CNN trains with, has no bfloat16 on a CPU.
CONFIG = ROOT / 'configs/binarized/retinanet_r18_fpn_surge_1x_coco.py'
NARROW = dict(
    backbone=dict(base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    bbox_head=dict(in_channels=16, feat_channels=16, stacked_convs=2),
)
RECORDER = '''
import copy
import os
import torch
from mmengine.hooks import Hook
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmengine.registry import HOOKS
from yapf.yapflib import yapf_api

from surge_mmdet.layers import BinaryLayer

amp_optimizer_wrapper.is_cuda_available = lambda: True
# Configs are written as they are: yapf takes seconds for each.
yapf_api.FormatCode = lambda text, **options: (text, True)


@HOOKS.register_module()
class Recorder(Hook):
    """Writes the optimiser as it starts, and how far the training came."""

    def before_train(self, runner):
        wrapper = runner.optim_wrapper
        names = {id(p): n for n, p in runner.model.named_parameters()}
        self.found = dict(
            wrapper=type(wrapper).__name__, start=runner.iter, steps=0,
            optimizer=copy.deepcopy(wrapper.optimizer.state_dict()),
            accumulative=wrapper._accumulative_counts,
            names=[[names[id(p)] for p in group['params']]
                   for group in wrapper.optimizer.param_groups])
        wrapper.optimizer.register_step_pre_hook(self.count)

    def count(self, *args):
        self.found['steps'] += 1

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        open(os.path.join(runner.work_dir, 'iterated'), 'w').close()

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.found['dtype'] = str(self.seen)
        torch.save(self.found, os.path.join(runner.work_dir, 'found.pt'))

    def before_run(self, runner):
        def see(module, args, output):
            self.seen = output.dtype
        binary = [module for module in runner.model.modules()
                  if isinstance(module, BinaryLayer)]
        binary[0].register_forward_hook(see)
'''
BASE_LR, AUX = 1e-3, 2.0


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with the tiny config, its data and the recorder."""
    folder = tmp_path_factory.mktemp('flags')
    (folder / 'recorder.py').write_text(RECORDER)
    cfg = Config.fromfile(tiny_config(CONFIG, folder))
    names = cfg.get('custom_imports', dict(imports=[]))['imports']
    cfg.custom_imports = dict(imports=[*names, 'recorder'])
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='Recorder')]
    cfg.merge_from_dict(dict(model=NARROW))
    cfg.optim_wrapper.accumulative_counts = 2
    cfg.optim_wrapper.optimizer.lr = BASE_LR
    cfg.auto_scale_lr.base_batch_size = 8
    cfg.train_cfg.val_interval = 9
    cfg.dump(folder / 'train.py')
    return folder


def train(folder, name, *flags, **options):
    """Run the tool in a process of its own."""
    paths = [str(folder), *filter(None, [os.environ.get('PYTHONPATH')])]
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join(paths), LOCAL_RANK='0', OMP_NUM_THREADS='1'
    )
    command = [
        sys.executable,
        ROOT / 'tools/train.py',
        folder / 'train.py',
        '--work-dir',
        folder / name,
        *flags,
    ]
    if options:
        command += ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def found(folder, name, *flags, **options):
    """What the recorder wrote of a training that ends well."""
    result = train(folder, name, *flags, **options)
    assert result.returncode == 0, result.stderr[-3000:]
    return torch.load(folder / name / 'found.pt', weights_only=False)


AUX_LR = {'optim_wrapper.aux.lr_mult': AUX}
TWO_EPOCHS = {'train_cfg.max_epochs': 2, **AUX_LR}


@pytest.fixture(scope='module')
def plain(folder):
    """One epoch with --auto-scale-lr, then a second with --resume."""
    flags = ('plain', '--auto-scale-lr')
    return (found(folder, *flags, **AUX_LR), found(folder, *flags, '--resume', **TWO_EPOCHS))


@pytest.fixture(scope='module')
def amp(folder):
    """The same under --amp, all flags together."""
    flags = ('amp', '--amp', '--auto-scale-lr')
    return (found(folder, *flags, **AUX_LR), found(folder, *flags, '--resume', **TWO_EPOCHS))


@pytest.fixture(params=['plain', 'amp'])
def runs(request):
    """Name, first and resumed training."""
    return request.param, *request.getfixturevalue(request.param)


def test_our_wrapper_trained(runs):
    name, *records = runs
    want = dict(
        plain=('SurgeOptimWrapper', 'torch.float32'), amp=('SurgeAmpOptimWrapper', 'torch.bfloat16')
    )[name]
    assert [(r['wrapper'], r['dtype']) for r in records] == [want] * 2
    assert [r['accumulative'] for r in records] == [2, 2]


def test_micro_batches_are_accumulated(runs):
    for record in runs[1:]:  # two micro-batches of 2 images an epoch
        assert record['steps'] == 1


def test_auxiliary_weights_have_their_group_and_both_rates_are_scaled(runs):
    for record in runs[1:]:
        network, auxiliary = record['optimizer']['param_groups']
        assert not network.get('auxiliary') and auxiliary['auxiliary']
        assert all(n.endswith('aux_weight') for n in record['names'][1])
        assert not any('aux_weight' in n for n in record['names'][0])
        assert len(record['names'][1]) > 10
        scaled = BASE_LR * 2 / 8  # batch 2, rates are meant for 8
        assert network['initial_lr'] == pytest.approx(scaled)
        assert auxiliary['initial_lr'] == pytest.approx(AUX * scaled)
    network, auxiliary = runs[1]['optimizer']['param_groups']
    assert auxiliary['lr'] == pytest.approx(AUX * network['lr'])


def test_resume_keeps_the_order_of_groups_and_the_momentum(runs, folder):
    name, first, second = runs
    assert (first['start'], second['start']) == (0, 2)
    assert first['names'] == second['names']
    saved = torch.load(folder / name / 'epoch_1.pth', weights_only=False)['optimizer']
    loaded = second['optimizer']
    assert [g['params'] for g in saved['param_groups']] == [
        g['params'] for g in loaded['param_groups']
    ]
    assert not first['optimizer']['state'] and saved['state']
    names = sum(first['names'], [])
    assert saved['state'].keys() == loaded['state'].keys()
    moving = [names[index] for index, state in saved['state'].items() if state['exp_avg'].any()]
    assert sum(name.endswith('aux_weight') for name in moving) > 10
    for index, state in saved['state'].items():
        for key, value in state.items():
            assert value.equal(loaded['state'][index][key]), (index, key)


def test_another_constructor_stops_before_the_first_iteration(folder):
    result = train(
        folder,
        'replaced',
        '--auto-scale-lr',
        **{'optim_wrapper.constructor': 'DefaultOptimWrapperConstructor'},
    )
    assert result.returncode != 0
    assert "constructor='surge_mmdet.SurgeOptimWrapper" in result.stderr
    assert not (folder / 'replaced/iterated').exists()
    assert (folder / 'replaced').is_dir()
