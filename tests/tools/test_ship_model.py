"""The commands that pack a shipped detector and measure it, its files and ways to store it."""

import json

import pytest
from conftest import ROOT, write_voc
from deploy.packing import config, save
from mmengine.config import Config

from surge_mmdet.analysis import shipped_models as shipped
from surge_mmdet.analysis.tables import read_record
from surge_mmdet.deploy import format as packed_format
from surge_mmdet.deploy.publish import publish
from surge_mmdet.shipped import SHIPPED

CONFIG = ROOT / 'configs' / SHIPPED['bccd'].config


@pytest.fixture
def tool(run_tool, tmp_path, monkeypatch):
    """Run the tool in this process on tiny data; files go to a temporary folder."""
    classes = Config.fromfile(CONFIG).metainfo.classes
    data = write_voc(tmp_path / 'data', classes)
    splits = {s: dict(shipped.SPLITS['bccd'][s], data_root=f'{data}/') for s in ('val', 'test')}
    monkeypatch.setitem(shipped.SPLITS, 'bccd', splits)
    monkeypatch.setattr('surge_mmdet.shipped.FOLDER', tmp_path)

    def run(*arguments, script='model_converters/ship_model.py'):
        return run_tool(script, *arguments)

    return run


def test_file_and_record_are_written(tool, tmp_path, monkeypatch):
    monkeypatch.setenv('BCCD_ROOT', '/home/somebody/data/')
    meta = dict(epoch=24, iter=624, seed=0, dataset_meta={})
    checkpoint = save(Config.fromfile(CONFIG), tmp_path / 'a.pth', meta=meta, lean=True)
    twin = Config.fromfile(Config.fromfile(CONFIG).model.teacher.config)
    teacher = save(twin, tmp_path / 'twin.pth', meta=dict(meta, cfg=twin.pretty_text))
    record = tmp_path / 'a.json'
    text = tool('bccd', checkpoint, '--teacher', teacher, '--record', record, '--shifts', 2)
    packed = tmp_path / 'bccd.safetensors'
    assert f'Wrote {packed}: ' in text
    assert all(f'{split}: Both detectors on 2 images' in text for split in ('val', 'test'))
    assert 'somebody' not in packed_format.read(packed).config
    about = json.loads(record.read_text())
    assert about['training'] == dict(epoch=24, iter=624, seed=0)
    assert about['sha256'] == shipped.file_hash(packed)
    assert about['config'] == f'configs/{SHIPPED["bccd"].config}'
    tables = read_record(record)
    assert [(r['split'], r['detector']) for r in tables['accuracy'].rows] == [
        (split, detector)
        for split in ('val', 'test')
        for detector in ('float twin', *shipped.DETECTORS)
    ]
    assert all(0 <= row['AP'] <= row['AP50'] <= 1 for row in tables['accuracy'].rows)
    rows = tables['rounding'].rows
    assert [row['split'] for row in rows] == ['val'] * 3 + ['test'] * 3
    for simulated, packed_ap, difference in (rows[:3], rows[3:]):
        assert len(simulated['values']) == len(packed_ap['values']) == 2
        assert difference['mean'] == pytest.approx(packed_ap['mean'] - simulated['mean'])
    classes = tables['objects'].rows
    assert [row['class'] for row in classes] == ['RBC', 'WBC', 'Platelets']
    assert sum(row['objects'] for row in classes) == 4
    assert all(0 <= row['found'] <= row['boxed'] <= row['objects'] for row in classes)
    sizes = {row['file']: row['bytes'] for row in tables['size'].rows}
    assert sizes['packed'] == packed.stat().st_size
    assert sizes['checkpoint of the training'] == checkpoint.stat().st_size


@pytest.mark.parametrize(
    'arguments, why',
    [
        (('bcd', 'a.pth'), 'known are digits, bccd'),
        (('bccd', 'none.pth'), 'twin.pth does not exist'),
    ],
)
def test_a_mistake_ends_with_a_sentence_and_no_file(tool, tmp_path, monkeypatch, arguments, why):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=why):
        tool(*arguments, '--teacher', 'twin.pth')
    assert not [*tmp_path.glob('*.safetensors'), *tmp_path.glob('*.json')]


def test_without_its_teacher_nothing_is_packed(tool, tmp_path):
    checkpoint = save(Config.fromfile(CONFIG), tmp_path / 'a.pth', meta={}, lean=True)
    with pytest.raises(SystemExit, match='twin.pth does not exist'):
        tool('bccd', checkpoint, '--teacher', tmp_path / 'twin.pth')
    assert not [*tmp_path.glob('*.safetensors'), *tmp_path.glob('*.json')]


def test_each_storage_of_real_weights_is_measured(tool, tmp_path):
    checkpoint = save(
        Config.fromfile(CONFIG), tmp_path / 'a.pth', meta=dict(dataset_meta={}), lean=True
    )
    record = ('--shifts', 2, '--record', tmp_path / 'a.json')
    text = tool('bccd', checkpoint, *record, script='benchmark/real_storage.py')
    rows = {row['storage']: row for row in read_record(tmp_path / 'a.json')['storage'].rows}
    assert list(rows)[:3] == ['float32', 'float16', 'int8'] and len(rows) == 5
    sizes = [rows[name]['bytes'] for name in ('float32', 'float16', 'int8')]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 3
    front = {name: row['bytes'] for name, row in rows.items() if 'in front' in name}
    finer, coarser = front.values()
    assert coarser < rows['int8']['bytes'] < finer < rows['float32']['bytes']
    first = rows['float32']
    assert first['matched'] == 1 and first['scores'] == [0, 0] and first['difference'] == [0, 0]
    assert rows['int8']['scores'][1] > 0
    assert text.count('|') > 30


def test_storage_asks_for_a_spread(tool, capsys):
    with pytest.raises(SystemExit):
        tool('bccd', 'a.pth', '--shifts', 1, script='benchmark/real_storage.py')
    assert 'Write --shifts 8' in capsys.readouterr().err


@pytest.mark.slow
def test_onnx_files_are_measured(tool, tmp_path):
    for package in ('onnxscript', 'openvino'):
        pytest.importorskip(package, reason='pip install -r requirements/benchmark.txt')
    checkpoint = save(config('FasterRCNN'), tmp_path / 'a.pth', meta=dict(dataset_meta={}))
    publish(checkpoint, tmp_path / 'bccd.safetensors')
    record = ('--rounds', 2, '--record', tmp_path / 'a.json')
    text = tool('bccd', *record, script='benchmark/onnx_files.py')
    tables = read_record(tmp_path / 'a.json')
    sizes = {row['file']: row['ratio'] for row in tables['size'].rows}
    assert sizes['packed'] == 1 < sizes['ONNX, 1 bit'] < sizes['ONNX, 1 bit, --expand']
    rows = tables['agreement'].rows
    places = {(row['split'], row['runtime'], row['file']) for row in rows}
    assert len(places) == len(rows) == 12
    for row in rows:
        packed, exported = row['AP']
        assert row['images'] == 2 and 0 <= exported <= 1 and abs(packed - exported) <= 0.002
    times = {(row['contestant'], row['file']): row for row in tables['times'].rows}
    assert len(times) == 7 and {row['regions'] for row in times.values()} == {20}
    for runtime in ('ONNX Runtime', 'OpenVINO'):
        assert times[runtime, 'float twin']['ratio'] == [1, 1, 1]
    assert text.count('|') > 150


def test_onnx_files_ask_for_a_spread(tool, capsys):
    with pytest.raises(SystemExit):
        tool('bccd', '--rounds', 1, script='benchmark/onnx_files.py')
    assert 'Write --rounds 30' in capsys.readouterr().err


def test_the_environment_is_as_it_was(monkeypatch):
    import os

    monkeypatch.setenv('BCCD_ROOT', 'x')
    monkeypatch.delenv('DEMO_ROOT', raising=False)
    with pytest.raises(KeyError), shipped.without('BCCD_ROOT', 'DEMO_ROOT'):
        assert 'BCCD_ROOT' not in os.environ
        raise KeyError
    assert os.environ['BCCD_ROOT'] == 'x' and 'DEMO_ROOT' not in os.environ
