"""Reading configs: what is found, and what a slip is answered with."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT, tiny_config
from mmengine.config import Config

from surge_mmdet.analysis.loading import (
    build_detector,
    build_model,
    load_config,
    pipeline_shape,
    require_config,
    trained_config,
    training_batches,
)
from surge_mmdet.analysis.study import load_plan

BCCD = ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste_12e_bccd.py'


def with_step(**step) -> dict:
    return dict(test_dataloader=dict(dataset=dict(pipeline=[{}, step])))


def test_shape_of_a_pipeline_is_height_first():
    cfg = with_step(type='Resize', scale=(1333, 800), keep_ratio=True)
    assert pipeline_shape(cfg, 'x.py', '') == (800, 1333)


@pytest.mark.parametrize('scale', [256, (256,), [(640, 480), (320, 240)]])
def test_scale_that_is_no_pair_of_sides_asks_for_the_shape(scale):
    with pytest.raises(ValueError, match='^x.py has no test pipeline.*Write tool.py --shape 6 9$'):
        pipeline_shape(with_step(type='ResizeEdge', scale=scale), 'x.py', 'tool.py --shape 6 9')


def test_a_config_of_mmdet_takes_options():
    cfg = load_config('mmdet::retinanet/retinanet_r18_fpn_1x_coco.py', {'model.backbone.depth': 34})
    assert cfg.model.type == 'RetinaNet' and cfg.model.backbone.depth == 34


@pytest.mark.parametrize(
    'path, text',
    [
        ('configs/faster_rcnn/faster-rcnn_r18_fpn_surge_4x3e_voc.py', 'surge_4x3e_voc0712.py$'),
        ('README.md', 'README.md is not a config file. Write configs/'),
        ('configs', 'configs is not a config file. Write configs/'),
    ],
)
def test_no_config_is_answered_with_the_nearest(monkeypatch, path, text):
    monkeypatch.chdir(ROOT)
    for refuse in (require_config, load_config):
        with pytest.raises(FileNotFoundError, match=text):
            refuse(path)


def test_a_file_beside_it_is_what_was_meant(monkeypatch, tmp_path):
    (tmp_path / 'my-ste.py').touch()
    monkeypatch.chdir(ROOT)
    for folder in (tmp_path, Path(os.path.relpath(tmp_path))):
        with pytest.raises(FileNotFoundError, match=f'Write {folder}/my-ste.py$'):
            require_config(f'{folder}/my-stee.py')
        with pytest.raises(ValueError, match=f'Write compare_methods.py {folder}/my-ste.py --work'):
            load_plan(f'{folder}/my-st.py', ROOT)


def test_away_from_the_checkout_an_example_is_shown(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match='Write configs/faster_rcnn/faster-rcnn_r18_fpn_su'):
        require_config('x.py')


def test_an_empty_variable_is_told_apart_from_one_that_is_not_set(monkeypatch, tmp_path):
    (tmp_path / 'x.py').write_text("root = '{{$SURGE_TEST_ROOT:}}'\n")
    with pytest.raises(ValueError, match='SURGE_TEST_ROOT is not set, .* Write export SURGE_TEST'):
        load_config(str(tmp_path / 'x.py'))
    monkeypatch.setenv('BCCD_ROOT', '')
    with pytest.raises(ValueError, match='BCCD_ROOT is set, but empty. Write .* unset BCCD_ROOT w'):
        load_config(str(BCCD))


def test_a_model_that_cannot_be_built_is_named():
    cfg = load_config(str(BCCD), {'model.backbone.depth': 15})
    with pytest.raises(ValueError, match='^x.py: the model cannot be built: '):
        build_model(cfg, 'x.py')


def test_a_classifier_is_no_detector():
    path = str(ROOT / 'configs/pretrain/binary-resnet18_surge_8xb64-128e_in1k.py')
    with pytest.raises(ValueError, match='ImageClassifier is no detector. Write tool.py y.py'):
        build_detector(load_config(path), path, 'tool.py y.py')


def test_a_training_has_left_its_config(tmp_path):
    first, second = tmp_path / 'all' / 'first', tmp_path / 'all' / 'second'
    with pytest.raises(FileNotFoundError, match='not the --work-dir.* Write work_dirs/quickstart$'):
        trained_config(first)
    for folder in (first, second):
        folder.mkdir(parents=True)
        Config(dict(seed=3)).dump(folder / 'run.py')
    assert trained_config(first).seed == 3
    for slip, meant in ((tmp_path / 'all', first), (tmp_path / 'all' / 'secnd', second)):
        with pytest.raises(FileNotFoundError, match=f'not the --work-dir.* Write {meant}$'):
            trained_config(slip)


def test_nobody_reads_configs_beside_it():
    sources = [*(ROOT / 'surge_mmdet/analysis').rglob('*.py'), *(ROOT / 'tools').glob('*/*.py')]
    sources = [p for p in sources if 'dataset_converters' not in p.parts]
    own = re.compile(r'Config\.fromfile|MODELS\.build')
    beside = [p.name for p in sources if own.search(p.read_text())]
    assert len(sources) > 30 and beside == ['loading.py']


def test_batches_are_the_same_each_time(tmp_path):
    path = str(tiny_config(BCCD, tmp_path))
    names = [
        [
            sample.img_path
            for batch in training_batches(load_config(path), 3)
            for sample in batch['data_samples']
        ]
        for _ in range(2)
    ]
    assert names[0] == names[1] and len(set(names[0])) == len(names[0]) > 3


def test_threads_may_read_configs_at_the_same_time():
    """Workers of a comparison do; CPython 3.11's parser is not safe for it by itself."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(load_config, [str(BCCD)] * 32))
    assert len({cfg.pretty_text for cfg in found}) == 1
