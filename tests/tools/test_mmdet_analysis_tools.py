"""mmdet's inferencer and analysis tools on a shipped config's checkpoint."""

import json
import os
import pickle
import re
import runpy
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from matplotlib import pyplot
from mmengine.config import Config
from mmengine.dataset import RepeatDataset
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.model import BaseModel

CONFIG = 'configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_bccd.py'
SNIPPETS = re.findall(
    r'```python\n(.*?)```', (ROOT / 'docs/guides/mmdet_tools.md').read_text(), re.S
)
INFERENCER, API, SMALLER, TTA = SNIPPETS


def detections(path) -> list:
    """What test.py --out has left, one dict of lists per image."""
    results = pickle.loads(path.read_bytes())
    return [
        {name: value.tolist() for name, value in result['pred_instances'].items()}
        for result in results
    ]


def run_test(monkeypatch, config, checkpoint, out, *more):
    """Run test.py one image at a time, as the inferencer does."""
    monkeypatch.setenv('LOCAL_RANK', '0')
    run_mmdet_tool(
        monkeypatch,
        'test.py',
        config,
        checkpoint,
        '--work-dir',
        out.parent,
        '--out',
        out,
        *more,
        '--cfg-options',
        'test_dataloader.batch_size=1',
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A checkpoint of mmdet's train.py and the detections of its test.py."""
    folder = tmp_path_factory.mktemp('trained')
    config = tiny_config(ROOT / CONFIG, folder)
    work, found = folder / 'work', folder / 'test/detections.pkl'
    with pytest.MonkeyPatch.context() as patch:
        run_mmdet_tool(patch, 'train.py', config, '--work-dir', work)
        run_test(patch, config, work / 'epoch_1.pth', found)
    return SimpleNamespace(
        folder=folder,
        config=config,
        checkpoint=work / 'epoch_1.pth',
        found=found,
        log=next(work.glob('*/vis_data/scalars.json')),
        image=folder / 'data/VOC2007/JPEGImages/VOC2007_0.jpg',
    )


@pytest.fixture(scope='module')
def small(trained):
    """The checkpoint with what inference needs, as documented."""
    path = trained.folder / 'small.pth'
    exec(SMALLER, dict(CHECKPOINT=trained.checkpoint, SMALL=path))
    assert path.stat().st_size < trained.checkpoint.stat().st_size / 5
    return path


@pytest.fixture
def tool(monkeypatch):
    """Run tools/mmdet_tool.py, then undo what it has put in."""
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    monkeypatch.setattr(MMLogger, '_instance_dict', {})
    for owner, name in (
        (BaseModel, 'cuda'),
        (pyplot, 'subplots'),
        (torch.cuda, 'synchronize'),
        (torch.cuda, 'reset_peak_memory_stats'),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(RepeatDataset, '__iter__', None, raising=False)

    def run(*arguments):
        script = str(ROOT / 'tools/mmdet_tool.py')
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        runpy.run_path(script, run_name='__main__')

    yield run
    pyplot.close('all')


def test_inferencer_needs_nothing_but_the_checkpoint(trained):
    """In a process that has never heard of this package."""
    script = INFERENCER.replace(
        re.search(r"weights='(.*?)'", INFERENCER)[1], str(trained.checkpoint)
    )
    script = script.replace('photograph.jpg', str(trained.image))
    # The last bits depend on the number of threads.
    threads = str(torch.get_num_threads())
    result = subprocess.run(
        [sys.executable, '-c', script],
        text=True,
        cwd=trained.folder,
        capture_output=True,
        env=dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads),
    )
    assert result.returncode == 0, result.stderr
    found = json.loads((trained.folder / 'found/preds/VOC2007_0.json').read_text())
    assert found == detections(trained.found)[0]
    assert found['scores']
    assert (trained.folder / 'found/vis/VOC2007_0.jpg').stat().st_size


def test_checkpoint_for_inference_gives_the_same(trained, small, monkeypatch, tmp_path):
    from mmdet.apis import DetInferencer

    inferencer = DetInferencer(weights=str(small))
    want = detections(trained.found)
    assert inferencer(str(trained.image))['predictions'] == want[:1]
    assert inferencer.model.dataset_meta['classes'] == ('RBC', 'WBC', 'Platelets')
    run_test(monkeypatch, trained.config, small, tmp_path / 'test.pkl')
    assert detections(tmp_path / 'test.pkl') == want


def test_inference_detector_gives_the_same(trained, small):
    names = dict(CONFIG=trained.config, CHECKPOINT=str(small))
    script = API.replace('photograph.jpg', str(trained.image))
    exec(script.replace("'cpu'", repr(get_device())), names)
    want = detections(trained.found)[0]
    assert {k: v.tolist() for k, v in names['found'].items()} == want


def test_test_time_augmentation(trained, monkeypatch, tmp_path):
    child = tmp_path / 'child.py'
    child.write_text(TTA.replace('./faster-rcnn_r18_fpn128_surge_12e_bccd.py', str(trained.config)))
    run_test(monkeypatch, child, trained.checkpoint, tmp_path / 'test.pkl', '--tta')
    merged = detections(tmp_path / 'test.pkl')
    assert merged[0]['scores'] and merged != detections(trained.found)


def test_analyze_logs_draws_the_logged_values(trained, tool, tmp_path):
    key = 'surge.lambda.backbone.layer1'
    tool(
        'analyze_logs',
        'plot_curve',
        trained.log,
        '--keys',
        'loss',
        key,
        '--out',
        tmp_path / 'loss.png',
    )
    rows = [json.loads(line) for line in trained.log.read_text().splitlines()]
    want = [(row['step'], row['loss'], row[key]) for row in rows if 'loss' in row]
    namespace = runpy.run_path(str(mmdet_tools() / 'analysis_tools/analyze_logs.py'))
    log = namespace['load_json_logs']([str(trained.log)])[0][1]
    assert want == list(zip(log['step'], log['loss'], log[key], strict=True))
    assert (tmp_path / 'loss.png').stat().st_size


def test_analyze_logs_tells_the_time(trained, tool, capsys):
    tool('analyze_logs', 'cal_train_time', trained.log, '--include-outliers')
    seconds = re.search(r'average iter time: (\S+)', capsys.readouterr().out)
    assert float(seconds[1]) > 0


def mmdet_tools():
    import mmdet

    return ROOT.joinpath(mmdet.__path__[0], '.mim/tools')


@pytest.mark.parametrize('repeat', [1, 3])
def test_browse_dataset_shows_each_image(trained, tool, tmp_path, repeat):
    cfg = Config.fromfile(trained.config)
    cfg.visualizer.name = str(tmp_path)
    if repeat > 1:
        cfg.train_dataloader.dataset = dict(
            type='RepeatDataset', times=repeat, dataset=cfg.train_dataloader.dataset
        )
    cfg.dump(tmp_path / 'config.py')
    tool('browse_dataset', tmp_path / 'config.py', '--not-show', '--output-dir', tmp_path / 'out')
    names = trained.folder / 'data/VOC2007/ImageSets/Main/train.txt'
    assert sorted(p.stem for p in (tmp_path / 'out').iterdir()) == (names.read_text().split())


def test_confusion_matrix_counts_every_object(trained, tool, tmp_path):
    tool('confusion_matrix', trained.config, trained.found, tmp_path, '--score-thr', '0.01')
    figure = pyplot.gcf()
    assert (tmp_path / 'confusion_matrix.png').stat().st_size
    assert min(figure.get_size_inches()) > 5
    percent = np.asarray(figure.axes[0].images[0].get_array())
    assert percent.shape == (4, 4)
    present = ~np.isnan(percent).any(1)
    assert present[:2].all()  # RBC and WBC are in the tiny data
    np.testing.assert_allclose(percent[present].sum(1), 100, rtol=1e-5)


@pytest.mark.parametrize('task', ['dataset', 'dataloader', 'inference'])
def test_benchmark_measures(trained, tool, tmp_path, task):
    tool(
        'benchmark',
        trained.config,
        '--task',
        task,
        '--checkpoint',
        trained.checkpoint,
        '--max-iter',
        2,
        '--num-warmup',
        0,
        '--cfg-options',
        'test_dataloader.batch_size=1',
        '--work-dir',
        tmp_path,
    )
    log = (tmp_path / 'benchmark.log').read_text()
    assert float(re.search(r'Overall fps: ([\d.]+)', log)[1]) > 0


def test_other_tools_run(trained, tool, tmp_path, capsys):
    tool('get_flops', trained.config, '--num-images', 1)
    tool('print_config', trained.config)
    tool('eval_metric', trained.config, trained.found)
    out = capsys.readouterr().out
    assert float(re.search(r'Flops: ([\d.]+)G', out)[1]) > 0.1
    assert 'surge_mmdet.AGSHook' in out and 'coco/bbox_mAP' in out
