"""Rules that every shipped detector config keeps; nothing is trained here."""

import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from surge_mmdet.distill import undistilled
from surge_mmdet.losses import without_losses

FOLDERS = ('faster_rcnn', 'ssd')
CONFIGS = sorted(p for folder in FOLDERS for p in (ROOT / 'configs' / folder).glob('*.py'))
BINARIZED = sorted((ROOT / 'configs/binarized').glob('*.py'))
CHILDREN = [p for p in CONFIGS if '_ste-' in p.stem]  # of the plain binary twin
RECIPES = [p for p in CONFIGS if '_recipe' in p.stem]
LONGER = [p for p in CONFIGS if '_fp32_24e_' in p.stem]  # teachers of what is shipped
TWINS = [p for p in CONFIGS if '_surge' not in p.stem and p not in CHILDREN + RECIPES + LONGER]
SSD_RECIPES = [p for p in RECIPES if p.parent.name == 'ssd']
SSD = sorted((ROOT / 'configs/ssd').glob('*_surge_*.py'))
METHODS = {
    'fp32',
    'ste',
    'ste-pkd',
    'ste-bidet',
    'surge',
    'surge-polynomial',
    'surge-binary-fc',
    'recipe',
    'recipe-binary-fc',
}
SCHEDULES = {
    'voc0712': '4x3e',
    'coco': '1x',
    'bccd': '12e',
    'demo-digits': '12e',
    'surge-binary-fc bccd': '24e',
    'recipe-binary-fc bccd': '24e',  # the shipped ones
    'recipe-binary-fc demo-digits': '24e',
    'ssd voc0712': '24x10e',
    'ssd coco': '24x5e',
    'ssd bccd': '12e',
}


def stem(path: Path) -> str:
    return path.stem


parsed = lru_cache(Config.fromfile)


def load(path: Path) -> Config:
    """The config, for the caller to change."""
    return deepcopy(parsed(Path(path)))


def each(node):
    """All dicts inside a config."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for value in node:
            yield from each(value)


def test_zoo_is_complete():
    wanted = {
        f'faster-rcnn_{depth}_fpn_{method}_{data}'
        for depth in ('r18', 'r34', 'r50')
        for method in ('fp32', 'ste', 'surge')
        for data in ('4x3e_voc0712', '1x_coco')
    }
    wanted |= {
        f'ssd{size}_vgg16_{method}_{data}'
        for size in (300, 512)
        for method in ('fp32', 'ste', 'surge')
        for data in ('24x10e_voc0712', '24x5e_coco')
    }
    wanted |= {f'faster-rcnn_r18_c4_{method}_4x3e_voc0712' for method in ('fp32', 'ste', 'surge')}
    wanted |= {f'ssd300_vgg16_{method}_12e_bccd' for method in ('fp32', 'ste', 'surge')}
    wanted |= {
        f'{detector}_{method}_{data}'
        for method in ('ste-pkd', 'recipe')
        for detector, data in (
            ('faster-rcnn_r18_fpn', '4x3e_voc0712'),
            ('faster-rcnn_r18_fpn', '1x_coco'),
            ('faster-rcnn_r18_fpn128', '12e_bccd'),
            ('faster-rcnn_r18_fpn128', '12e_demo-digits'),
            ('ssd300_vgg16', '24x10e_voc0712'),
            ('ssd300_vgg16', '24x5e_coco'),
            ('ssd300_vgg16', '12e_bccd'),
        )
    }
    assert wanted <= {p.stem for p in CONFIGS}


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_file_name_says_what_is_inside(path):
    algorithm, *components, method, schedule, data = path.stem.split('_')
    assert method in METHODS
    ssd = path.parent.name == 'ssd'
    own = f'ssd {data}' if ssd else f'{method} {data}'
    assert schedule == ('24e' if path in LONGER else SCHEDULES.get(own, SCHEDULES[data]))
    cfg = load(path)
    assert int(re.match(r'\d+', schedule.replace('1x', '12')).group()) == cfg.train_cfg.max_epochs
    if ssd:
        size = int(algorithm.removeprefix('ssd'))
        assert components == ['vgg16'] and cfg.model.backbone.depth == 16
        assert cfg.model.bbox_head.anchor_generator.input_size == size
    else:
        assert algorithm == 'faster-rcnn'
        style = '-caffe' if cfg.model.backbone.style == 'caffe' else ''
        assert components[0] == f'r{cfg.model.backbone.depth}{style}'
        assert (
            components[1]
            == {None: 'c4', 128: 'fpn128', 256: 'fpn'}[
                cfg.model.neck and cfg.model.neck.out_channels
            ]
        )


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_leaf_is_short_and_has_what_all_share(path):
    assert len(path.read_text().splitlines()) < 15
    cfg = load(path)
    assert 'surge_mmdet.engine' in cfg.custom_imports.imports
    assert cfg.default_hooks.checkpoint.backend_args.backend == 'surge_atomic'


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_schedule_suits_binary_training(path):
    cfg = load(path)
    warm_up, decay = cfg.param_scheduler
    assert warm_up.type == 'LinearLR' and not warm_up.by_epoch
    # Neither an end nor T_max: the cosine falls until max_epochs.
    assert decay.type == 'CosineAnnealingLR' and decay.begin == 0 and decay.by_epoch
    assert not {'end', 'T_max'} & set(decay)
    assert cfg.optim_wrapper.clip_grad.max_norm > 0
    assert cfg.optim_wrapper.optimizer.weight_decay == 0
    assert not any(d.get('norm_eval') for d in each(cfg.model))
    assert not any(d.get('frozen_stages', -1) >= 0 for d in each(cfg.model))
    # The Caffe weights are made for undivided input, and their stem has
    # statistics of it; a random start would suffer.
    assert (cfg.model.data_preprocessor.std[0] > 1) != ('-caffe' in path.stem)
    assert cfg.auto_scale_lr.enable is False
    assert cfg.auto_scale_lr.base_batch_size in (
        gpus * cfg.train_dataloader.batch_size for gpus in (1, 4)
    )


@pytest.mark.parametrize('path', CONFIGS, ids=stem)
def test_training_data_loses_boxes_without_area(path):
    cfg = load(path)
    pipelines = [d.pipeline for d in each(cfg.train_dataloader) if 'pipeline' in d]
    assert pipelines
    for pipeline in pipelines:
        types = [step.type for step in pipeline]
        assert types.index('FilterAnnotations') > types.index('Resize')


@pytest.mark.parametrize('path', TWINS, ids=stem)
def test_twin_differs_from_surge_in_its_policies_only(path):
    method = re.search('_(fp32|ste)_', path.stem).group(1)
    twin, surge = (
        load(path.parent / f'{name}.py')
        for name in (path.stem, path.stem.replace(f'_{method}_', '_surge_'))
    )
    changed = [
        (a.pop('policy'), b.pop('policy'))
        for a, b in zip(each(twin.model), each(surge.model), strict=True)
        if 'policy' in a
    ]
    kept = 1 if path.parent.name == 'ssd' else 0  # the real SSD head
    assert changed.count((None, None)) == kept
    for mine, theirs in changed:
        if theirs is not None:
            assert theirs == dict(layer=dict(surge=dict(eta=0.1)))
            assert mine == (None if method == 'fp32' else dict(layer=dict(surge=None)))
    assert len(changed) == {'ssd': 3, 'faster_rcnn': 3}[path.parent.name]
    hook = twin.default_hooks.pop('ags')
    assert hook.type == 'surge_mmdet.NonFiniteStepHook'
    surge.default_hooks.pop('ags')
    twin.pop('plain', None)
    assert twin.to_dict() == surge.to_dict()


@pytest.mark.parametrize('path', CHILDREN, ids=stem)
def test_child_of_the_plain_twin_only_adds_losses(path):
    child = load(path).to_dict()
    plain = load(path.parent / re.sub('_ste-[a-z]+_', '_ste_', path.name)).to_dict()
    model = without_losses(undistilled(child['model']))
    assert model == plain.pop('model')
    wrapper = child.pop('model')
    assert child == plain
    if '_ste-pkd_' in path.stem:
        teacher = Path(wrapper['teacher']['config'])
        assert wrapper['teacher'] == dict(config=str(teacher))
        assert teacher == path.with_name(path.name.replace('_ste-pkd_', '_fp32_'))
        assert teacher.is_file()


@pytest.mark.parametrize('path', RECIPES, ids=stem)
def test_the_recipe_adds_bi_reals_surrogate_and_the_teachers_weights(path):
    binary_fc = '-binary-fc_' in path.stem
    recipe = load(path)
    taught = load(
        path.parent
        / re.sub('_recipe(-binary-fc)?_', '_ste-pkd_', path.name).replace('_24e_', '_12e_')
    )
    polynomial = dict(surge=None, activation=dict(type='SignPolynomial'))
    for part in ('backbone', 'neck', 'bbox_head' if path in SSD_RECIPES else 'rpn_head'):
        mine, theirs = (cfg.model[part].pop('policy') for cfg in (recipe, taught))
        if part == 'bbox_head':  # predictions of SSD
            assert mine is theirs is None
        else:
            assert theirs == dict(layer=dict(surge=None)) and mine == dict(layer=polynomial)
    inherited = recipe.model.teacher.pop('inherit')
    assert inherited == [key for key in recipe.model if key.endswith(('backbone', 'neck', 'head'))]
    teacher = Path(recipe.model.teacher.config)
    assert teacher == path.with_name(re.sub('_recipe(-binary-fc)?_', '_fp32_', path.name))
    assert load(teacher).train_cfg.max_epochs == recipe.train_cfg.max_epochs
    if binary_fc:
        head = recipe.model.roi_head.bbox_head
        assert head.pop('policy') == dict(linear=polynomial)
        assert head.type == 'surge_mmdet.BinaryShared2FCBBoxHead'
        head.type = taught.model.roi_head.bbox_head.type
        recipe.model.teacher.config = taught.model.teacher.config
        recipe.train_cfg.max_epochs = taught.train_cfg.max_epochs
    if path.stem.endswith(('bccd', 'demo-digits')) and path not in SSD_RECIPES:
        assert recipe.optim_wrapper.optimizer.lr == 3e-3  # of the study
        recipe.optim_wrapper.optimizer.lr = taught.optim_wrapper.optimizer.lr
    for key in ('recipe', 'linear'):
        recipe.pop(key, None)
    assert recipe.to_dict() == taught.to_dict()


@pytest.mark.parametrize('path', LONGER, ids=stem)
def test_a_longer_teacher_differs_in_its_schedule_only(path):
    longer, twin = load(path), load(path.with_name(path.name.replace('_24e_', '_12e_')))
    assert longer.train_cfg.pop('max_epochs') == 2 * twin.train_cfg.pop('max_epochs') == 24
    assert longer.optim_wrapper.optimizer.pop('lr') == 3e-3
    twin.optim_wrapper.optimizer.pop('lr')
    assert longer.to_dict() == twin.to_dict()


def test_published_inputs_and_protocols():
    frcnn = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_surge'
    voc, coco = (load(f'{frcnn}_{d}.py') for d in ('4x3e_voc0712', '1x_coco'))
    for cfg, scale in ((voc, (1000, 600)), (coco, (1333, 800))):
        assert {d.scale for d in each(cfg.test_dataloader) if 'scale' in d} == {scale}
    assert voc.test_evaluator.eval_mode == '11points'
    assert voc.test_dataloader.dataset.ann_file.endswith('Main/test.txt')
    assert [d.ann_file for d in each(voc.train_dataloader) if 'ann_file' in d] == [
        f'VOC{year}/ImageSets/Main/trainval.txt' for year in (2007, 2012)
    ]
    assert coco.test_evaluator.ann_file.endswith('instances_val2017.json')


@pytest.mark.parametrize('path', SSD, ids=stem)
def test_ssd_maps_fit_the_shipped_anchors(path):
    """On the meta device: shapes without arithmetic."""
    from mmdet.registry import MODELS

    init_default_scope('mmdet')
    cfg = load(path)
    generator = cfg.model.bbox_head.anchor_generator
    scales = {d.scale for d in each([cfg.train_dataloader, cfg.test_dataloader]) if 'scale' in d}
    assert scales == {(generator.input_size, generator.input_size)}
    with torch.device('meta'):
        model = MODELS.build(cfg.model).to('meta').eval()  # L2Norm too
        scores, _ = model(torch.empty(1, 3, *scales.pop()), mode='tensor')
    sizes = [score.shape[-1] for score in scores]
    assert (
        sizes == {300: [38, 19, 10, 5, 3, 1], 512: [64, 32, 16, 8, 4, 2, 1]}[generator.input_size]
    )
    priors = model.bbox_head.prior_generator.grid_priors(
        [(size, size) for size in sizes], device='cpu'
    )
    assert sum(map(len, priors)) == {300: 8732, 512: 24564}[generator.input_size]


@pytest.mark.parametrize('path', BINARIZED, ids=stem)
def test_binarized_leaf_is_short_and_decays_its_own_rate(path):
    assert len(path.read_text().splitlines()) <= 15
    cfg = load(path)
    rate = cfg.optim_wrapper.optimizer.lr
    decays = [
        s
        for s in cfg.param_scheduler
        if s.type != 'LinearLR' and 'Warmup' not in s.type and s.type != 'ConstantLR'
    ]
    assert len(decays) == 1
    assert decays[0].get('eta_min', 0) < rate / 10


@pytest.mark.parametrize('folder', (*FOLDERS, 'binarized'))
def test_metafile_lists_every_config(folder):
    import yaml

    meta = yaml.safe_load((ROOT / 'configs' / folder / 'metafile.yml').read_text())
    here = [p for p in CONFIGS + BINARIZED if p.parent.name == folder]
    assert [m['Name'] for m in meta['Models']] == [p.stem for p in here]
    collections = {c['Name']: c for c in meta['Collections']}
    for model, path in zip(meta['Models'], here, strict=True):
        assert ROOT / model['Config'] == path
        assert model['In Collection'] in collections
        assert model['Metadata']['Epochs'] == load(path).train_cfg.max_epochs
    for collection in collections.values():
        assert (ROOT / collection['README']).is_file()
        assert (ROOT / collection['Code']['URL']).is_file()


@pytest.mark.parametrize('name', ['bccd', 'digits'])
def test_ap_of_the_shipped_detectors_and_their_twins_is_that_of_the_record(name):
    import yaml

    from surge_mmdet.analysis.tables import read_record
    from surge_mmdet.shipped import SHIPPED

    rows = read_record(ROOT / f'docs/results/shipped_{name}.json')['accuracy'].rows
    found = {row['detector']: row for row in rows if row['split'] == 'val'}
    recipe = Path(SHIPPED[name].config).stem
    twin = recipe.replace('_recipe-binary-fc_', '_fp32_')
    readme = (ROOT / 'configs/faster_rcnn/README.md').read_text()
    meta = yaml.safe_load((ROOT / 'configs/faster_rcnn/metafile.yml').read_text())['Models']
    for config, row in ((recipe, found['simulated']), (twin, found['float twin'])):
        line = next(each for each in readme.splitlines() if each.startswith(f'| `{config}.py`'))
        assert line.split(' | ')[3] == f'{row["AP"]:.3f}, one seed'
        (result,) = next(model for model in meta if model['Name'] == config)['Results']
        written = [result['Metrics'][f'box {metric}'] for metric in ('AP', 'AP50')]
        assert written == [pytest.approx(100 * row[metric]) for metric in ('AP', 'AP50')]


def test_model_index_lists_every_metafile():
    import yaml

    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert sorted(index['Import']) == sorted(
        str(p.relative_to(ROOT)) for p in (ROOT / 'configs').glob('*/metafile.yml')
    )


@pytest.mark.parametrize('folder', (*FOLDERS, 'binarized'))
def test_readme_names_every_config(folder):
    """Names in the tables may have alternatives, as in {fp32,ste}."""
    text = (ROOT / 'configs' / folder / 'README.md').read_text()
    named = set()
    for pattern in re.findall(r'`([\w{},-]+)\.py`', text):
        parts = re.split(r'\{([^}]+)\}', pattern)
        names = {''}
        for i, part in enumerate(parts):
            options = part.split(',') if i % 2 else [part]
            names = {name + option for name in names for option in options}
        named |= names
    assert named == {p.stem for p in CONFIGS + BINARIZED if p.parent.name == folder}


def test_binarized_readme_has_the_numbers_of_the_page():
    """OPs, BOPs and MB of docs/results/complexity.md, which get_ops printed."""
    text = (ROOT / 'configs/binarized/README.md').read_text()
    page = (ROOT / 'docs/results/complexity.md').read_text()
    for path in BINARIZED:
        cells = next(
            line for line in page.splitlines() if line.startswith(f'| {path.stem} |')
        ).split(' | ')
        row = next(line for line in text.splitlines() if line.startswith(f'| [`{path.name}`]'))
        assert f' | {cells[9]} | {cells[8]} | {cells[4]} |' in row
