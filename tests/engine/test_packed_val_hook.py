"""The packed detector at the end of a training: what is validated, and what is left."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, run_mmdet_tool, tiny_config
from deploy.packing import config, detector, photo, save
from mmdet.apis import inference_detector
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import CheckpointHook
from mmengine.registry import METRICS
from two_ranks import on_two_ranks

from surge_mmdet.deploy import load_packed
from surge_mmdet.engine import PackedValHook

SHIFTS = range(4)  # of the photograph, an image each


class Scores(BaseMetric):
    """The sum of all scores, and how many images there were."""

    def process(self, data_batch, data_samples) -> None:
        self.results += [sample['pred_instances']['scores'].sum().item() for sample in data_samples]

    def compute_metrics(self, results) -> dict:
        return dict(scores=sum(results), images=len(results))


@pytest.fixture
def scores_metric():
    """Known to configs by its name."""
    METRICS.register_module(module=Scores, force=True)
    yield
    METRICS._module_dict.pop('Scores')


def batch(shift):
    """One image as a val_dataloader gives it."""
    image = torch.from_numpy(photo()).permute(2, 0, 1).roll(shift, 2)
    sample = DetDataSample(
        metainfo=dict(img_shape=image.shape[1:], ori_shape=image.shape[1:], scale_factor=(1, 1))
    )
    return dict(inputs=[image], data_samples=[sample])


class Images(list):
    """Stands in for a val_dataloader."""

    @property
    def dataset(self) -> range:
        return SHIFTS


def runner_of(folder, shifts=SHIFTS):
    """What the hook takes of a runner after a training that has left a checkpoint."""
    return SimpleNamespace(
        work_dir=str(folder),
        val_loop=SimpleNamespace(
            dataloader=Images(map(batch, shifts)), evaluator=Evaluator(Scores())
        ),
        hooks=[CheckpointHook(interval=1)],
        logger=logging.getLogger('packed'),
    )


def leave_checkpoint(folder, spoil=False):
    cfg = config('FasterRCNN')
    model = detector(cfg)
    if spoil:
        model.backbone.layer1[0].conv1.weight.data[0] = float('nan')
    file = save(cfg, folder / 'epoch_1.pth', model)
    (folder / 'last_checkpoint').write_text(str(file))


def reached(folder) -> dict:
    return json.loads((Path(folder) / 'packed_val.json').read_text())


def test_a_training_ends_with_the_metrics_of_what_is_in_its_packed_file(
    tmp_path, monkeypatch, scores_metric
):
    path = tiny_config(
        ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste_12e_bccd.py', tmp_path
    )
    cfg = Config.fromfile(path)
    cfg.val_evaluator = cfg.test_evaluator = dict(type='Scores')
    cfg.default_hooks.packed_val = dict(type='surge_mmdet.PackedValHook')
    cfg.dump(path)
    work = tmp_path / 'work'
    run_mmdet_tool(monkeypatch, 'train.py', path, '--work-dir', work)
    found = reached(work)
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    images = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    model = load_packed(work / 'packed.safetensors')
    wanted = [inference_detector(model, image).pred_instances.scores.sum() for image in images]
    assert found['metrics']['images'] == len(images) > 1
    assert found['metrics']['scores'] == pytest.approx(float(sum(wanted)), rel=1e-5)
    assert found['metrics']['scores'] > 0
    assert found['bytes'] == (work / 'packed.safetensors').stat().st_size
    assert found['kept'] == {}
    assert found['checkpoint'] == 'epoch_1.pth'
    log = max(work.glob('*/*.log')).read_text()
    assert f'Packed epoch_1.pth into {work}/packed.safetensors' in log


def test_two_ranks_share_the_images(tmp_path):
    leave_checkpoint(tmp_path)
    alone = runner_of(tmp_path)
    PackedValHook().after_train(alone)
    wanted = reached(tmp_path)
    (tmp_path / 'packed_val.json').unlink()
    first, second = on_two_ranks(validate_half, tmp_path, str(tmp_path))
    assert first == second == wanted


def validate_half(rank, folder):
    PackedValHook().after_train(runner_of(folder, SHIFTS[rank::2]))
    torch.distributed.barrier()
    return reached(folder)


def test_what_cannot_be_packed_says_why_and_does_not_fail(tmp_path, caplog):
    leave_checkpoint(tmp_path, spoil=True)
    PackedValHook().after_train(runner_of(tmp_path))
    found = reached(tmp_path)
    assert set(found) == {'why'} and 'NaN' in found['why']
    assert str(tmp_path) not in found['why']  # a reason is the same in every folder
    assert f'The packed detector was not validated: {found["why"]}' in caplog.text
    assert not (tmp_path / 'packed.safetensors').exists()


def test_what_goes_wrong_at_the_end_is_told_and_no_failure(tmp_path):
    PackedValHook().after_train(runner_of(tmp_path))
    assert reached(tmp_path) == dict(why='FileNotFoundError: last_checkpoint names no checkpoint')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'gone.pth'))
    PackedValHook().after_train(runner_of(tmp_path))
    assert reached(tmp_path)['why'].startswith('FileNotFoundError: gone.pth does not exist')
    leave_checkpoint(tmp_path)
    runner = runner_of(tmp_path)
    runner.val_loop.evaluator = None
    PackedValHook().after_train(runner)
    found = reached(tmp_path)
    assert found['why'].startswith('AttributeError') and found['checkpoint'] == 'epoch_1.pth'


def test_metrics_of_any_kind_are_kept(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    leave_checkpoint(tmp_path)
    runner = runner_of(tmp_path)
    given = dict(a=torch.tensor(0.5), b=np.float32(0.25), c=[1, 2], d='high', e=None)
    runner.val_loop.evaluator.evaluate = lambda size: given
    PackedValHook().after_train(runner)
    assert reached(tmp_path)['metrics'] == dict(a=0.5, b=0.25, c=[1, 2], d='high', e='None')
    assert 'MB): a: 0.5000, b: 0.2500, c: [1, 2], d: high, e: None' in caplog.text


def test_layers_that_are_kept_are_named(tmp_path, caplog):
    cfg = config('FasterRCNN')
    cfg.model.neck.policy = dict(layer=dict(activation=dict(type='Ternary'), surge=None))
    (tmp_path / 'last_checkpoint').write_text(str(save(cfg, tmp_path / 'epoch_1.pth')))
    PackedValHook().after_train(runner_of(tmp_path))
    kept = reached(tmp_path)['kept']
    assert kept and all(name.startswith('neck') for name in kept)
    for name, reason in kept.items():
        assert f'NOT PACKED {name}: {reason}' in caplog.text


def test_what_an_earlier_end_has_left_is_removed(tmp_path):
    for name in ('packed.safetensors', 'packed_val.json'):
        (tmp_path / name).touch()
    PackedValHook().before_train(runner_of(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'lacking, line',
    [
        ('val_loop', 'without packed_val'),
        ('hooks', r"checkpoint=dict\(type='Checkpoint"),
        ('save_last', 'save_last=True'),
    ],
)
def test_a_training_without_what_it_needs_is_refused(tmp_path, lacking, line):
    runner = runner_of(tmp_path)
    without = dict(val_loop=None, hooks=())
    hooks = [CheckpointHook(interval=5, save_last=False)]
    setattr(runner, *((lacking, without[lacking]) if lacking in without else ('hooks', hooks)))
    with pytest.raises(ValueError, match=line):
        PackedValHook().before_train(runner)
