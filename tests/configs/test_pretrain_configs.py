"""The configs that pretrain backbones, and the way into a detector."""

import json
import re
import runpy
from itertools import product

import pytest
import torch
from conftest import ROOT, run_mmdet_tool, write_coco, write_voc
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from surge_mmdet.binarizers import RealWeight
from surge_mmdet.layers import BinaryLayer
from surge_mmdet.models import compare
from surge_mmdet.registry import MODELS

FOLDER = ROOT / 'configs/pretrain'
CONFIGS = sorted(FOLDER.glob('*.py'))
CROPS = 'binary-resnet18_surge-step{}_1xb16-6e_coco-crops'
CLASSES = ('cat', 'dog')
NARROW = (
    'model.backbone.base_channels=8',
    'model.head.in_channels=64',
    'model.head.num_classes=2',
    'val_evaluator.topk=1',
    'test_evaluator.topk=1',
)


def stem(path) -> str:
    return path.stem


def build(path, **changes):
    """The classifier of a config, untrained."""
    cfg = Config.fromfile(path).model
    cfg.backbone.update(changes)
    with DefaultScope.overwrite_default_scope('surge_mmdet'):
        return MODELS.build(cfg)


def shapes(path):
    """The same without memory for its weights."""
    with torch.device('meta'):
        return build(path)


def backbone(config: str, checkpoint, **changes):
    """A detector's backbone, started from a classifier's checkpoint."""
    cfg = Config.fromfile(ROOT / 'configs' / config).model.backbone
    cfg.update(
        changes, init_cfg=dict(type='Pretrained', checkpoint=str(checkpoint), prefix='backbone.')
    )
    net = MODELS.build(cfg)
    net.init_weights()
    return net


def assert_same_backbone(net, state):
    """Every tensor of ``net`` is the classifier's, and none is left over."""
    own = net.state_dict()
    given = {k.removeprefix('backbone.'): v for k, v in state.items() if k.startswith('backbone.')}
    assert own.keys() == given.keys() and len(own) > 50
    for name, value in given.items():
        assert own[name].equal(value), name


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_classifier_learns_from_a_batch(path):
    net = build(path)
    images = torch.randn(2, 3, 32, 32)
    samples = [BaseDataElement(gt_label=i) for i in (0, 7)]
    loss = net.train()(images, samples, mode='loss')['loss']
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None for p in net.parameters())
    with torch.no_grad():
        assert net.eval()(images).shape == (2, net.head.num_classes)
    assert net.head.num_classes == (1000 if 'in1k' in path.stem else 80)


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_step_1_has_real_weights_under_binary_activations(path):
    cfg = Config.fromfile(path)
    rules = {
        type(layer.weight_rule)
        for layer in shapes(path).modules()
        if isinstance(layer, BinaryLayer)
    }
    first = '-step1_' in path.stem
    assert len(rules) == 1 and (RealWeight in rules) == first
    assert (cfg.optim_wrapper.optimizer.weight_decay > 0) == first


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_file_is_short_and_its_name_tells_its_content(path):
    assert len(path.read_text().splitlines()) <= 15
    name = re.fullmatch(
        r'binary-(resnet(18|34|50)|ssd-vgg16)_surge(-step[12])?_'
        r'([18])xb(\d+)-(\d+)e_(in1k|coco-crops)',
        path.stem,
    )
    cfg = Config.fromfile(path)
    assert name and cfg.model.backbone.depth == int(name[2] or 16)
    gpus, batch, epochs = map(int, name.groups()[3:6])
    assert cfg.train_dataloader.batch_size == batch
    assert cfg.auto_scale_lr.base_batch_size == gpus * batch
    assert epochs == cfg.train_cfg.max_epochs == cfg.param_scheduler[1].end
    assert cfg.param_scheduler[1].T_max == epochs - 1
    size = 224 if name[7] == 'in1k' else 64
    assert cfg.train_pipeline[1].scale == size


def test_metafile_and_readme_know_every_config():
    listed = re.findall(r'Config: (\S+)', (FOLDER / 'metafile.yml').read_text())
    assert listed == [str(p.relative_to(ROOT)) for p in CONFIGS]
    named = set()
    for row in re.findall(r'`(binary-\S+)\.py`', (FOLDER / 'README.md').read_text()):
        parts = [part.split(',') for part in re.split('[{}]', row)]
        named |= {''.join(words) for words in product(*parts)}
    assert named == {p.stem for p in CONFIGS}


@pytest.mark.parametrize('path', [p for p in CONFIGS if '-step2' in p.stem], ids=stem)
def test_step_2_takes_all_of_step_1(path):
    """load_from names the last checkpoint that step 1's config writes."""
    first = FOLDER / f'{path.stem.replace("step2", "step1")}.py'
    cfg = Config.fromfile(path)
    epochs = Config.fromfile(first).train_cfg.max_epochs
    assert cfg.load_from == f'work_dirs/{first.stem}/epoch_{epochs}.pth'
    report = compare(shapes(path), shapes(first).state_dict())
    assert not (report.missing or report.left_over or report.other_shape)


@pytest.mark.parametrize(
    'pretrain, detector',
    [
        (
            'binary-resnet18_surge-step2_8xb64-128e_in1k',
            'faster_rcnn/faster-rcnn_r18_fpn_surge_4x3e_voc0712.py',
        ),
        (
            'binary-resnet34_surge-step2_8xb64-128e_in1k',
            'faster_rcnn/faster-rcnn_r34_fpn_surge_4x3e_voc0712.py',
        ),
        (
            'binary-resnet50_surge-step2_8xb64-128e_in1k',
            'faster_rcnn/faster-rcnn_r50_fpn_surge_4x3e_voc0712.py',
        ),
        ('binary-ssd-vgg16_surge-step2_8xb64-128e_in1k', '_base_/models/ssd300_vgg16.py'),
    ],
)
def test_classifier_starts_the_detectors_backbone(tmp_path, pretrain, detector):
    torch.manual_seed(4)
    narrow = dict(base_channels=8) if 'resnet' in pretrain else {}
    net = build(FOLDER / f'{pretrain}.py', **narrow)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    checkpoint = tmp_path / 'epoch_128.pth'
    torch.save(dict(state_dict=net.state_dict()), checkpoint)
    assert_same_backbone(backbone(detector, checkpoint, **narrow), net.state_dict())
    checkpoint.unlink()


@pytest.fixture
def crops(tmp_path):
    """Crops of a tiny COCO folder, cut by the tool itself."""
    root = tmp_path / 'coco'
    write_coco(write_voc(root, CLASSES), CLASSES)
    tool = runpy.run_path(str(ROOT / 'tools/dataset_converters/make_crops.py'))
    splits = ('train', 'val')
    tool['make'](
        root,
        tmp_path / 'crops',
        {s: f'annotations/instances_{s}.json' for s in splits},
        dict.fromkeys(splits, 'VOC2007/JPEGImages'),
    )
    return tmp_path / 'crops'


@pytest.fixture
def train(crops, tmp_path, monkeypatch):
    """One epoch of a step of the recipe under mmdet's train.py."""
    # A Runner's scope would stay the default of all later tests.
    monkeypatch.setattr(DefaultScope, '_instance_dict', DefaultScope._instance_dict.copy())

    def run(step: int, *options):
        work = tmp_path / f'step{step}'
        source = [
            f'{loader}_dataloader.{option}'
            for loader in ('train', 'val', 'test')
            for option in (f'dataset.data_root={crops}', 'num_workers=0')
        ]
        run_mmdet_tool(
            monkeypatch,
            'train.py',
            FOLDER / f'{CROPS.format(step)}.py',
            '--work-dir',
            work,
            '--cfg-options',
            *source,
            *NARROW,
            'train_cfg.max_epochs=1',
            'train_cfg.val_interval=1',
            'train_dataloader.batch_size=4',
            'default_hooks.logger.interval=1',
            *options,
        )
        return work

    return run


def test_two_steps_and_a_detector_from_crops_of_coco(train, monkeypatch):
    first = train(1)
    checkpoint = first / 'epoch_1.pth'
    second = train(2, f'load_from={checkpoint}', 'optim_wrapper.optimizer.lr=0')
    rows = [
        json.loads(line)
        for line in next(second.glob('*/vis_data/scalars.json')).read_text().splitlines()
    ]
    losses = torch.tensor([row['loss'] for row in rows if 'loss' in row])
    assert len(losses) == 2 and losses.isfinite().all()
    assert 0 <= rows[-1]['accuracy/top1'] <= 100

    before, after = (
        torch.load(folder / 'epoch_1.pth', weights_only=False)['state_dict']
        for folder in (first, second)
    )
    latent = [k for k in after if k.endswith('conv1.weight')]
    assert len(latent) == 9
    assert all(after[k].equal(before[k]) for k in latent)

    net = backbone(
        'faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py',
        second / 'epoch_1.pth',
        base_channels=8,
    )
    assert_same_backbone(net, after)

    run_mmdet_tool(
        monkeypatch,
        'test.py',
        next(second.glob('*.py')),
        second / 'epoch_1.pth',
        '--work-dir',
        second / 'test',
    )
    found = json.loads(next(second.glob('test/*/*.json')).read_text())
    assert found['accuracy/top1'] == rows[-1]['accuracy/top1']


def test_classes_of_another_number_are_refused(train):
    with pytest.raises(ValueError, match='model.head.num_classes=2'):
        train(1, 'model.head.num_classes=3')


def test_imagenet_folder_comes_from_the_environment(tmp_path, monkeypatch):
    path = FOLDER / 'binary-resnet18_surge_8xb64-128e_in1k.py'
    monkeypatch.delenv('IMAGENET_ROOT', raising=False)
    assert Config.fromfile(path).val_dataloader.dataset.data_root == 'data/imagenet/'
    monkeypatch.setenv('IMAGENET_ROOT', f'{tmp_path}/in1k/')
    cfg = Config.fromfile(path)
    with DefaultScope.overwrite_default_scope('surge_mmdet'):
        with pytest.raises(FileNotFoundError, match='IMAGENET_ROOT'):
            Runner.build_dataloader(cfg.train_dataloader, seed=0)
