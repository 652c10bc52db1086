"""The detectors that come with the package: files, cards, and what they reach."""

import importlib.util
import json
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT
from mmdet.apis import inference_detector
from mmengine.config import Config

from surge_mmdet.analysis import shipped_models as measuring
from surge_mmdet.analysis.tables import read_record
from surge_mmdet.deploy import format as packed_format
from surge_mmdet.deploy import verify
from surge_mmdet.deploy.config_text import to_text
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.shipped import FOLDER, SHIPPED, find_shipped, shipped_model

each_model = pytest.mark.parametrize('model', SHIPPED.values(), ids=list(SHIPPED))
LIMIT = 3e6  # bytes of a file
SPLITS = ('val', 'test')


def record(model) -> dict:
    """What the card's tables are made of."""
    return json.loads(record_path(model).read_text())


def of_split(table, split: str) -> list:
    return [row for row in table.rows if row['split'] == split]


def record_path(model):
    return ROOT / f'docs/results/shipped_{model.name}.json'


def test_the_lines_of_the_page():
    code = re.findall(
        r'```python\n(.*?)```', (ROOT / 'docs/reference/ready_detectors.md').read_text(), re.S
    )
    scope = {}
    exec(code[0], scope)
    assert len(code) == 1 and scope['model'].dataset_meta['classes'] == ('RBC', 'WBC', 'Platelets')


@each_model
def test_the_name_gives_a_packed_detector(model):
    loaded = shipped_model(model.name)
    assert any(isinstance(module, PackedLayer) for module in loaded.modules())
    assert not loaded.training
    image = np.full((120, 160, 3), 128, np.uint8)
    assert inference_detector(loaded, image).pred_instances.scores.isfinite().all()


def test_another_name_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match=r"known are digits, bccd\. Write shipped_model\('bccd'\)"):
        shipped_model('bcd')


def test_names_cost_no_import_of_mmdet():
    code = 'import sys, surge_mmdet.shipped; print(*[m for m in sys.modules if m == "mmdet"])'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.strip(), done


@each_model
def test_the_file_is_small_and_carries_its_config(model):
    assert model.path.stat().st_size < LIMIT
    with measuring.without(*measuring.ROOTS):
        config = Config.fromfile(ROOT / 'configs' / model.config)
    assert packed_format.read(model.path).config == to_text(config)


@each_model
def test_no_folder_of_a_machine_is_in_the_file(model):
    config = packed_format.read(model.path).config
    assert "'data_root': 'data/" in config
    assert not re.search(r"'(/|~|[A-Z]:)", config)


@each_model
def test_the_record_is_of_this_file(model):
    about = record(model)
    assert about['sha256'] == measuring.file_hash(model.path)
    assert about['config'] == f'configs/{model.config}'
    config = Config.fromfile(ROOT / about['config'])
    assert about['training']['epoch'] == config.train_cfg.max_epochs
    assert about['training']['seed'] == 0
    size = read_record(record_path(model))['size'].rows[0]
    assert (size['file'], size['bytes']) == ('packed', model.path.stat().st_size)


@each_model
def test_packed_and_simulated_detector_have_one_ap(model):
    """To 0.001 on average over shifts, of which the AP of the first table is the first."""
    tables = read_record(record_path(model))
    rows = tables['accuracy'].rows
    assert [(row['split'], row['detector']) for row in rows] == [
        (split, detector) for split in SPLITS for detector in ('float twin', *measuring.DETECTORS)
    ]
    for split, (_, *readings) in zip(SPLITS, (rows[:3], rows[3:]), strict=True):
        simulated, packed, difference = of_split(tables['rounding'], split)
        assert (simulated['detector'], packed['detector']) == measuring.DETECTORS
        assert len(difference['values']) >= 4
        assert abs(difference['mean']) <= 0.001
        first = [row['values'][0] for row in (simulated, packed)]
        assert first == pytest.approx([row['AP'] for row in readings])
    assert all(row['matched'] > 0.995 for row in tables['agreement'].rows)


def test_the_record_of_onnx_files_says_what_the_guide_says():
    """Of this file; AP within 0.002 in both runtimes; slower than the float twin there."""
    path, model = ROOT / 'docs/results/onnx.json', find_shipped('bccd')
    about = json.loads(path.read_text())
    assert about['sha256'] == measuring.file_hash(model.path)
    assert about['config'] == f'configs/{model.config}'
    tables = read_record(path)
    assert tables['size'].rows[0]['bytes'] == model.path.stat().st_size
    rows = tables['agreement'].rows
    assert {row['runtime'] for row in rows} == {'ONNX Runtime', 'OpenVINO'}
    for row in rows:
        packed, exported = row['AP']
        assert round(abs(packed - exported), 3) <= 0.002 and row['matched'] > 0.99
    times = {(row['contestant'], row['file']): row for row in tables['times'].rows}
    assert len({row['regions'] for row in times.values()}) == 1
    for runtime in ('ONNX Runtime', 'OpenVINO'):
        middle, low, _ = times[runtime, '1 bit']['ratio']
        assert 1 < low < middle
    assert times['load_packed', '1 bit']['ratio'][2] < 1


@each_model
def test_the_card_says_where_everything_comes_from(model):
    text = model.card.read_text()
    for table in ('accuracy', 'rounding', 'objects', 'agreement', 'size'):
        assert f'<!-- results: shipped_{model.name}/{table} -->' in text
    for heading in ('Accuracy', 'Size', 'Data and licence', 'Training'):
        assert f'\n## {heading}\n' in text
    assert f'configs/{model.config}' in text and record_path(model).name in text
    size = f'{model.path.stat().st_size / 1e6:.1f} MB'
    assert f'packed file of {size}' in ' '.join(text.split())


def test_nothing_else_is_in_the_folder():
    known = {p for m in SHIPPED.values() for p in (m.path, m.card, m.photograph)}
    assert {p for p in FOLDER.iterdir() if p.suffix not in ('.py', '')} == known - {None}


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
    """The module that composes the demo data, and its validation images made anew."""
    path = ROOT / 'tools/dataset_converters/make_demo_digits.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script  # dataclasses look themselves up
    spec.loader.exec_module(script)
    folder = tmp_path_factory.mktemp('demo') / 'digits'
    script.make(folder, train=1, val=60, seed=0)
    return folder


def test_the_image_is_the_first_of_the_validation_data(digits):
    made = cv2.imread(str(digits / 'VOC2007/JPEGImages/val_0000.jpg'))
    ours = cv2.imread(str(find_shipped('digits').photograph))
    assert ours.shape == made.shape
    assert np.abs(ours.astype(int) - made).mean() < 2  # of 255: another JPEG library


def detections(model, split: str, kernel: str = '', **data) -> tuple:
    """What the shipped file finds on a split, and its AP."""
    config = ROOT / 'configs' / model.config
    dataset = {**measuring.split_data(model.name, split, config), **data}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SURGE_KERNEL', kernel)
        loaded = shipped_model(model.name)
        with measuring.truth(dataset) as (images, ann):
            (found,), _ = verify.detect([loaded], images)
            numbers = verify.image_ids(ann, verify.image_paths(images))
            return found, verify.average_precision(loaded, found, numbers, ann)[0]


def is_as_recorded(reached: float, model, split: str) -> bool:
    """Whether an AP is the recorded one, as far as rounding lets it be.

    Another processor adds in another order, which moves AP as the recorded
    shifts of the pixels do.
    """
    tables = read_record(record_path(model))
    *_, packed = of_split(tables['accuracy'], split)
    return abs(reached - packed['AP']) <= rounding_of(model, split)


def rounding_of(model, split: str) -> float:
    """How far two orders of summation may move AP."""
    _, packed, _ = of_split(read_record(record_path(model))['rounding'], split)
    return max(0.001, 4 * packed['deviation'])


def test_digits_reach_the_ap_of_their_card(digits):
    model = find_shipped('digits')
    _, reached = detections(model, 'val', data_root=f'{digits}/')
    assert is_as_recorded(reached, model, 'val') and reached > 0.3
    _, plain = detections(model, 'val', 'torch', data_root=f'{digits}/')
    assert abs(reached - plain) <= rounding_of(model, 'val')


@pytest.mark.slow
def test_blood_cells_reach_the_ap_of_their_card(bccd_root):
    model = find_shipped('bccd')
    _, reached = detections(model, 'test', data_root=f'{bccd_root}/')
    assert is_as_recorded(reached, model, 'test') and reached > 0.4
    _, plain = detections(model, 'test', 'torch', data_root=f'{bccd_root}/')
    assert abs(reached - plain) <= rounding_of(model, 'test')


def test_ground_truth_is_that_of_the_evaluation(digits):
    """A detector that finds every object has an AP of 1, and no image is left out."""
    from mmengine.structures import InstanceData

    model = find_shipped('digits')
    config = ROOT / 'configs' / model.config
    dataset = {**measuring.split_data('digits', 'val', config), 'data_root': f'{digits}/'}
    with measuring.truth(dataset) as (images, ann):
        content = json.loads(open(ann).read())
        numbers = verify.image_ids(ann, verify.image_paths(images))
        found = []
        for number in numbers:
            rows = [row for row in content['annotations'] if row['image_id'] == number]
            boxes = torch.tensor([row['bbox'] for row in rows], dtype=torch.float32)
            boxes[:, 2:] += boxes[:, :2]
            labels = torch.tensor([row['category_id'] for row in rows])
            found.append(InstanceData(bboxes=boxes, labels=labels, scores=torch.ones(len(labels))))
        assert len(images) == 60 and sum(map(len, found)) > 300
        loaded = shipped_model('digits')
        assert verify.average_precision(loaded, found, numbers, ann) == pytest.approx((1, 1))
