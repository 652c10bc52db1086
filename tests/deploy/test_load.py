"""A packed file becomes mmdet's detector again: every kind, any image, many threads."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from deploy.packing import CONFIGS, KINDS, config, photo, save
from mmdet.apis import inference_detector
from mmdet.models.detectors.base import BaseDetector
from mmengine.config import Config

from surge_mmdet.deploy import format as packed_format
from surge_mmdet.deploy import load_packed
from surge_mmdet.deploy.checkpoint import open_checkpoint
from surge_mmdet.deploy.config_text import from_text, to_text
from surge_mmdet.deploy.fused.fuse import fuse
from surge_mmdet.deploy.fused.mmcv_layout import keep_mmcv_right
from surge_mmdet.deploy.load import packed_structure
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.deploy.publish import publish
from surge_mmdet.layers import BinaryLayer

FOLDERS = ('faster_rcnn', 'ssd', 'ablation')
SHIPPED = sorted(
    path
    for folder in FOLDERS
    for path in (CONFIGS / folder).glob('*.py')
    if any(word in path.stem for word in ('_surge', '_ste', '_recipe'))
)
NARROW = dict(in_channels=16, feat_channels=16)


@pytest.fixture(scope='module')
def packed_of(tmp_path_factory):
    """Checkpoint and packed file of each kind, made once."""
    made = {}

    def files(kind):
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            checkpoint = save(config(kind), folder / 'a.pth')
            publish(checkpoint, folder / 'a.safetensors', real='float32')
            made[kind] = checkpoint, folder / 'a.safetensors'
        return made[kind]

    return files


def pack_in_memory(checkpoint):
    """The packed detector that never was in a file."""
    model = open_checkpoint(checkpoint)
    packed_structure(model)
    return keep_mmcv_right(fuse(model))


def same_detections(a, b) -> bool:
    keys = ('bboxes', 'scores', 'labels')
    return all(torch.equal(a.pred_instances[key], b.pred_instances[key]) for key in keys)


@pytest.mark.parametrize('kind', KINDS)
def test_a_file_gives_back_the_detector(kind, packed_of):
    checkpoint, path = packed_of(kind)
    loaded, want = load_packed(path), pack_in_memory(checkpoint)
    assert type(loaded) is type(want) and isinstance(loaded, BaseDetector)
    assert not loaded.training
    assert any(isinstance(m, PackedLayer) for m in loaded.modules())
    assert not any(isinstance(m, BinaryLayer) for m in loaded.modules())
    assert not any(p.requires_grad for p in loaded.parameters())
    for name, tensor in want.state_dict().items():
        assert loaded.state_dict()[name].equal(tensor), name
    found = inference_detector(loaded, photo())
    assert same_detections(found, inference_detector(want, photo()))


@pytest.mark.parametrize('kind', KINDS)
def test_cfg_and_classes_are_where_mmdet_looks_for_them(kind, packed_of):
    checkpoint, path = packed_of(kind)
    model = load_packed(path)
    cfg = config(kind)
    count = cfg.model.get('roi_head', cfg.model)['bbox_head']['num_classes']
    assert model.dataset_meta['classes'] == tuple(f'class {i}' for i in range(count))
    palette = model.dataset_meta['palette']
    assert len(palette) >= count and all(isinstance(color, tuple) for color in palette)
    assert model.cfg.test_dataloader.dataset.pipeline == cfg.test_dataloader.dataset.pipeline
    assert model.cfg.model.type == cfg.model.type


@pytest.mark.parametrize('kind', ['FasterRCNN', 'YOLOX'])
def test_convolutions_agree_with_the_simulated_ones(kind, packed_of):
    """Until a sign at 0 flips: on the first maps of the backbone."""
    checkpoint, path = packed_of(kind)
    torch.manual_seed(3)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        ours = open_checkpoint(checkpoint).backbone(x)[0]
        theirs = load_packed(path).backbone(x)[0]
    assert torch.isclose(ours, theirs, atol=1e-3).float().mean() > 0.95


def small(cfg):
    """A shipped config with few channels where it has a width."""
    model, change = cfg.model, {}
    if model.get('neck') and 'roi_head' in model:
        wide = 4 if model.backbone.depth >= 50 else 1
        channels = [8 * 2**i * wide for i in range(4)]
        change = dict(
            backbone=dict(base_channels=8),
            neck=dict(in_channels=channels, out_channels=16),
            rpn_head=NARROW,
            roi_head=dict(
                bbox_roi_extractor=dict(out_channels=16),
                bbox_head=dict(in_channels=16, fc_out_channels=32),
            ),
        )
    cfg.merge_from_dict(dict(model=change))
    if 'roi_head' in model:
        cfg.merge_from_dict(
            dict(model=dict(test_cfg=dict(rpn=dict(max_per_img=10), rcnn=dict(score_thr=0.0))))
        )
    return cfg


@pytest.mark.parametrize('path', SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_config_packs_loads_and_runs(path, tmp_path):
    """Those of configs/binarized are KINDS, above."""
    cfg = small(Config.fromfile(path))
    checkpoint = save(cfg, tmp_path / 'a.pth', lean=True)
    report = publish(checkpoint, tmp_path / 'a.safetensors')
    assert report.kept == {}
    assert report.sizes['packed'] < report.sizes['float twin'] / 3
    model = load_packed(tmp_path / 'a.safetensors')
    assert any(isinstance(m, PackedLayer) for m in model.modules())
    size = 300 if 'ssd' in path.stem else 64
    with torch.no_grad():
        maps = model.extract_feat(torch.randn(1, 3, size, size))
    assert all(m.isfinite().all() and m.std() > 0 for m in maps)
    if 'ssd' not in path.stem:  # a second of anchors
        found = inference_detector(model, photo()).pred_instances
        assert found.bboxes.isfinite().all() and found.scores.isfinite().all()
    del model
    gc.collect()


def test_no_shipped_config_is_left_out():
    trained = {p for folder in FOLDERS for p in (CONFIGS / folder).glob('*_*.py')}
    real = {p for p in trained if '_fp32' in p.stem or p.stem.startswith('plan')}
    assert trained - real == set(SHIPPED) and len(SHIPPED) > 25


@pytest.mark.parametrize('size', [(1, 1), (3, 700), (600, 3), (3000, 4000)], ids=str)
def test_images_of_any_size(size, packed_of):
    model = load_packed(packed_of('FasterRCNN')[1])
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    found = inference_detector(model, image).pred_instances
    assert found.bboxes.isfinite().all()
    assert (found.bboxes[:, 2] <= size[1]).all() and (found.bboxes[:, 3] <= size[0]).all()


@pytest.mark.parametrize('size', [(32, 32), (32, 1024), (736, 992)], ids=str)
def test_maps_of_any_size(size, packed_of):
    """Without the pipeline's resizing; 1x1 on the last level, and large ones."""
    checkpoint, path = packed_of('FasterRCNN')
    torch.manual_seed(0)
    x = torch.randn(1, 3, *size)
    with torch.no_grad():
        ours = open_checkpoint(checkpoint).extract_feat(x)
        theirs = load_packed(path).extract_feat(x)
    assert [m.shape for m in ours] == [m.shape for m in theirs]
    assert torch.isclose(ours[0], theirs[0], atol=1e-3).float().mean() > 0.9


def test_a_batch_gives_what_each_image_gives(packed_of):
    model = load_packed(packed_of('FasterRCNN')[1])
    torch.manual_seed(0)
    x = torch.randn(3, 3, 64, 96)
    with torch.no_grad():
        together = model.extract_feat(x)
        alone = [model.extract_feat(x[i : i + 1]) for i in range(3)]
    for level, maps in enumerate(together):
        each = torch.cat([found[level] for found in alone])
        assert torch.isclose(maps, each, atol=1e-3).float().mean() > 0.95


@pytest.mark.parametrize('kind', ['FasterRCNN', 'RTMDet'])
def test_eight_threads_find_what_one_finds(kind, packed_of):
    torch.manual_seed(0)
    model = load_packed(packed_of(kind)[1])
    images = [photo(64 + 8 * i, 96) for i in range(8)] * 2
    want = [inference_detector(load_packed(packed_of(kind)[1]), image) for image in images[:8]] * 2
    with ThreadPoolExecutor(8) as pool:  # the first call of each thread packs the weights
        found = list(pool.map(lambda image: inference_detector(model, image), images))
    assert all(same_detections(a, b) for a, b in zip(want, found, strict=True))


def test_nan_pixels_give_finite_or_no_boxes(packed_of):
    model = load_packed(packed_of('FasterRCNN')[1])
    x = torch.full((1, 3, 64, 64), float('nan'))
    with torch.no_grad():
        maps = model.extract_feat(x)
    assert [tuple(m.shape[2:]) for m in maps][0] == (16, 16)


def test_another_device_is_refused(packed_of):
    path = packed_of('FasterRCNN')[1]
    with pytest.raises(ValueError, match=r'run on the CPU, not on cuda. Write load_packed\('):
        load_packed(path, device='cuda')
    with pytest.raises(ValueError, match="run on the CPU, not on meta.*device='cpu'"):
        load_packed(path).to('meta')


def test_the_model_can_be_copied_and_moved_to_the_cpu(packed_of):
    import copy

    model = load_packed(packed_of('FasterRCNN')[1])
    twin = copy.deepcopy(model).to('cpu')
    assert same_detections(inference_detector(model, photo()), inference_detector(twin, photo()))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype, packed_of):
    model = load_packed(packed_of('FasterRCNN')[1])
    plain = inference_detector(model, photo())
    with torch.autocast('cpu', dtype):
        assert same_detections(plain, inference_detector(model, photo()))
        assert torch.is_autocast_enabled('cpu')
        with pytest.raises(AttributeError):
            model(None, mode='predict')
        assert torch.is_autocast_enabled('cpu')


def test_the_config_is_stored_as_it_was_given(packed_of):
    checkpoint, packed = packed_of('FasterRCNN')
    given = from_text(to_text(config('FasterRCNN')), 'the config')
    assert from_text(packed_format.read(packed).config, packed)['model'] == given['model']
    assert 'train_cfg' not in load_packed(packed).cfg.model.roi_head


def change_config(path, old, new):
    content = packed_format.read(path)
    assert old in content.config
    other = path.with_name('other.safetensors')
    packed_format.write(other, content._replace(config=content.config.replace(old, new)))
    return other


@pytest.mark.parametrize(
    'old, new, why',
    [
        ("'base_channels': 8", "'base_channels': 16", 'does not fit this FasterRCNN'),
        ("'depth': 18", "'depth': 34", 'does not fit this FasterRCNN.*It was packed from another'),
        ("'depth': 18", "'depth': 17", 'cannot be built'),
        ("'FasterRCNN'", "'os.system'", 'is no registered name'),
        ("'FasterRCNN'", "'FasterRCN'", 'cannot be built'),
        ("'depth': 18", "'depth': exit(1)", 'is no plain data'),
    ],
)
def test_a_file_with_another_config_is_refused(packed_of, old, new, why):
    other = change_config(packed_of('FasterRCNN')[1], old, new)
    with pytest.raises(ValueError, match=why):
        load_packed(other)


def test_a_file_with_other_tensors_is_refused(packed_of):
    path = packed_of('FasterRCNN')[1]
    content = packed_format.read(path)
    for change in (
        lambda t: t.pop('backbone.layer1.0.conv1.bits'),
        lambda t: t.update(more=torch.zeros(1)),
        lambda t: t.update({'backbone.layer1.0.conv1.scale': torch.zeros(3)}),
        lambda t: t.update({'backbone.layer1.0.conv1.scale': torch.zeros(8, dtype=torch.int32)}),
    ):
        tensors = dict(content.tensors)
        change(tensors)
        other = path.with_name('other.safetensors')
        packed_format.write(other, content._replace(tensors=tensors))
        with pytest.raises(ValueError, match='other.safetensors does not fit this FasterRCNN'):
            load_packed(other)


def test_nothing_pretrained_is_asked_for(tmp_path):
    cfg = config('FasterRCNN')
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='none.pth')
    publish(save(cfg, tmp_path / 'a.pth'), tmp_path / 'a.safetensors')
    loaded = load_packed(tmp_path / 'a.safetensors')
    assert 'init_cfg' not in loaded.cfg.pretty_text
    assert 'none.pth' not in packed_format.read(tmp_path / 'a.safetensors').config


def test_tensors_shared_by_levels_are_stored_once(packed_of):
    content = packed_format.read(packed_of('RTMDet')[1])
    loaded = load_packed(packed_of('RTMDet')[1])
    head = loaded.bbox_head.cls_convs
    assert head[0][0].conv is head[2][0].conv
    assert 'bbox_head.cls_convs.0.0.conv.bits' in content.tensors
    assert 'bbox_head.cls_convs.2.0.conv.bits' not in content.tensors
