"""A tiny detector as ONNX: the same detections, standard operators, small, and what is refused."""

import hashlib
import json

import numpy as np
import onnx
import pytest
import torch

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

from deploy.exporting import content, values  # noqa: E402
from deploy.packing import config, photo, save  # noqa: E402
from mmdet.apis import inference_detector  # noqa: E402

from surge_mmdet.deploy.agreement import match  # noqa: E402
from surge_mmdet.deploy.onnx_export import export, packed_source, verify  # noqa: E402
from surge_mmdet.deploy.onnx_export.verify import as_instances, packed_detector  # noqa: E402
from surge_mmdet.deploy.publish import publish  # noqa: E402
from surge_mmdet.onnx_detector import OnnxDetector  # noqa: E402
from surge_mmdet.onnx_detector.image import prepare  # noqa: E402

BINARY_BOX_HEAD = dict(roi_head=dict(bbox_head=dict(type='surge_mmdet.BinaryShared2FCBBoxHead')))
REAL = {part: dict(policy=None) for part in ('backbone', 'neck', 'rpn_head')}
SIZE = 64, 96


@pytest.fixture(scope='module')
def faster(tmp_path_factory):
    """(Content, path of its ONNX file) of a Faster R-CNN with a binary box head."""
    path = tmp_path_factory.mktemp('onnx') / 'a.onnx'
    found = content('FasterRCNN', **BINARY_BOX_HEAD)
    export(found, path)
    return found, path


def same_boxes(want, got) -> None:
    """All boxes have a partner; scores as near as sums in another order."""
    pairs = match(want, got, iou=0.99, score=0.0)
    flat = (want.bboxes[:, 2:] - want.bboxes[:, :2]).amin(1) < 0.1  # no overlap, even with itself
    assert len(want) == len(got) > 0
    assert len(want) - flat.sum() <= len(pairs.pairs)
    assert pairs.pairs[:, 1].max() < 1e-4


def test_it_finds_what_the_packed_detector_finds(faster):
    found, path = faster
    want = inference_detector(packed_detector(found), photo(*SIZE)).pred_instances
    same_boxes(want, as_instances(OnnxDetector(path)(photo(*SIZE))))


def test_one_file_takes_images_of_any_size(faster):
    """Sizes in the network, not in front of it: both sides filled up, one, and none."""
    _, path = faster
    session = OnnxDetector(path).session
    for height, width in ((64, 96), (65, 97), (1, 1), (32, 200)):
        image = np.random.default_rng(0).normal(size=(1, 3, height, width)).astype(np.float32)
        boxes, scores, labels = session.run(None, {'image': image})
        assert boxes.shape == (len(scores), 4) and scores.shape == labels.shape
        assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()


def test_operators_are_standard(faster):
    model = onnx.load(faster[1])
    onnx.checker.check_model(model, full_check=True)
    assert [opset.domain for opset in model.opset_import] == ['']
    kinds = {node.op_type for node in model.graph.node}
    assert {'NonMaxSuppression', 'RoiAlign'} <= kinds and not model.functions


def test_binary_weights_are_bits_and_the_rest_is_as_in_the_packed_file(faster):
    found, path = faster
    held = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    bits = [name for name in found.tensors if name.endswith('.bits')]
    assert len(bits) > 20
    for name in bits:
        assert name not in held and held[f'{name}:bits'].data_type == onnx.TensorProto.UINT8
    half = [name for name, tensor in found.tensors.items() if tensor.dtype == torch.float16]
    assert half
    for name in half:
        assert held[f'{name}:stored'].data_type == onnx.TensorProto.FLOAT16


def test_expanded_it_is_the_same_and_larger(faster, tmp_path):
    found, path = faster
    export(found, tmp_path / 'b.onnx', expand=True)
    small, large = (OnnxDetector(p)(photo(*SIZE)) for p in (path, tmp_path / 'b.onnx'))
    for name, value in small.items():
        np.testing.assert_array_equal(value, large[name])
    assert (tmp_path / 'b.onnx').stat().st_size > 3 * path.stat().st_size


def test_the_graph_may_prepare_images(faster, tmp_path):
    found, path = faster
    export(found, tmp_path / 'b.onnx', preprocess=True)
    outside, inside = (OnnxDetector(p) for p in (path, tmp_path / 'b.onnx'))
    assert outside.prepares and not inside.prepares
    image = np.kron(photo(24, 32), np.ones((10, 10, 1), np.uint8))  # resizing keeps it as it is
    same_boxes(as_instances(outside(image)), as_instances(inside(image)))


def test_metadata_name_format_classes_and_config(faster):
    found, path = faster
    metadata = OnnxDetector(path).metadata
    assert metadata['format'] == 'surge_mmdet ONNX detector' and metadata['format_version'] == '1'
    assert json.loads(metadata['classes']) == list(found.dataset_meta['classes'])
    assert metadata['config_sha256'] == hashlib.sha256(found.config.encode()).hexdigest()


def test_verify_matches_and_measures_nothing_else(faster, tmp_path):
    import cv2

    found, path = faster
    cv2.imwrite(str(tmp_path / 'a.png'), photo(*SIZE))
    report = verify(found, path, [tmp_path])
    assert report.images == 1 and report.found[0] == report.found[1] == report.matched > 0
    assert '(100.0%) have a partner' in str(report)


def test_verify_refuses_the_file_of_another_model(faster, tmp_path):
    import cv2

    found, path = faster
    cv2.imwrite(str(tmp_path / 'a.png'), photo(*SIZE))
    renamed = found._replace(dataset_meta=dict(classes=('cat', 'dog', 'cow')))
    with pytest.raises(ValueError, match='is another model: its classes are'):
        verify(renamed, path, [tmp_path])
    changed = found._replace(config=f'{found.config}backend_args = None\n')
    with pytest.raises(ValueError, match='is another model: it was exported from another config'):
        verify(changed, path, [tmp_path])


def test_a_float_detector_is_exported_as_well(tmp_path):
    """To hold the binary one against it; its weights are stored as those of a packed file."""
    import cv2

    found = content('FasterRCNN', **REAL)
    export(found, tmp_path / 'a.onnx')
    held = {tensor.name for tensor in onnx.load(tmp_path / 'a.onnx').graph.initializer}
    assert any(name.endswith(':stored') for name in held)
    assert not any('.bits' in name for name in held)
    cv2.imwrite(str(tmp_path / 'a.png'), photo(*SIZE))
    report = verify(found, tmp_path / 'a.onnx', [tmp_path])
    assert report.found[0] == report.found[1] == report.matched > 0 and not report.binary
    assert 'float is PyTorch' in str(report) and 'packed' not in str(report)


def test_a_checkpoint_and_its_packed_file_are_one_source(tmp_path):
    checkpoint = save(config('FasterRCNN'), tmp_path / 'a.pth')
    publish(checkpoint, tmp_path / 'a.safetensors')
    ours, theirs = (packed_source(tmp_path / name) for name in ('a.pth', 'a.safetensors'))
    assert ours.config == theirs.config and ours.tensors.keys() == theirs.tensors.keys()
    for name, tensor in ours.tensors.items():
        assert torch.equal(tensor, theirs.tensors[name]), name


def test_a_float_checkpoint_is_a_source(tmp_path):
    found = packed_source(save(config('FasterRCNN', **REAL), tmp_path / 'a.pth'), real='float32')
    assert found.real == 'float32' and 'backbone.layer1.0.conv1.weight' in found.tensors
    assert not any(name.endswith('.bits') for name in found.tensors)


REFUSED = [
    ('ATSS', {}, 'bbox_head, ATSSHead, cannot be exported'),
    ('RTMDet', {}, 'bbox_head, RTMDetSepBNHead, cannot be exported'),
    ('MaskRCNN', {}, 'roi_head.mask_head, FCNMaskHead, cannot be exported'),
    (
        'RetinaNet',
        dict(test_cfg=dict(nms=dict(type='soft_nms'))),
        "test_cfg.nms of .*soft_nms.*Write nms=dict\\(type='nms', iou_threshold=0.5\\)",
    ),
    (
        'RetinaNet',
        dict(test_cfg=dict(nms=dict(max_num=10))),
        "test_cfg.nms of .*'max_num': 10.*Write nms=dict\\(type='nms', iou_threshold=0.5\\)",
    ),
    (
        'FasterRCNN',
        dict(data_preprocessor=dict(pad_value=114)),
        'data_preprocessor.pad_value=114 cannot be exported.*Write pad_value=0',
    ),
    (
        'FasterRCNN',
        dict(rpn_head=dict(policy=dict(layer=dict(weight_rule=dict(type='RealWeight'))))),
        'rpn_head.rpn_conv cannot be exported: RealWeight keeps its weights real',
    ),
]


@pytest.mark.parametrize('kind, changes, why', REFUSED)
def test_what_has_no_form_is_refused_by_name(tmp_path, monkeypatch, kind, changes, why):
    monkeypatch.setattr(
        'surge_mmdet.deploy.onnx_export.detector.exported',
        lambda *args: pytest.fail('refused only after the long part'),
    )
    with pytest.raises(ValueError, match=why):
        export(content(kind, **changes), tmp_path / 'a.onnx')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name, write', [('a.pb', 'a.onnx'), ('a', 'a.onnx')])
def test_a_wrong_ending_is_corrected(faster, tmp_path, name, write):
    with pytest.raises(ValueError, match=f'Write .*{write}'):
        export(faster[0], tmp_path / name)


def test_an_unknown_step_of_the_pipeline_is_named(tmp_path):
    found = content('FasterRCNN')
    steps = found.config.replace("'type': 'Resize'", "'type': 'RandomFlip'")
    with pytest.raises(ValueError, match='RandomFlip.* of the test pipeline cannot be exported'):
        export(found._replace(config=steps), tmp_path / 'a.onnx')


SSD = 'ssd/ssd300_vgg16_surge_12e_bccd.py'
ONE_STAGE = {'RetinaNet': 2, 'FCOS': 3, 'YOLOX': 3, SSD: 2}


@pytest.mark.slow
@pytest.mark.parametrize('kind', ONE_STAGE)
def test_one_stage_heads_read_their_maps_as_mmdet(tmp_path, kind):
    """mmdet on the maps that ONNX Runtime gives: no sign can flip in between."""
    found = content(kind)
    export(found, tmp_path / 'a.onnx')
    exported_file, head = OnnxDetector(tmp_path / 'a.onnx'), packed_detector(found).bbox_head
    image, _ = prepare(photo(*SIZE), exported_file.recipe)

    def reads_a_map(node) -> bool:
        return node.op_type == 'Transpose' and '.' not in node.name

    outputs, maps = values(tmp_path / 'a.onnx', image, reads_a_map)
    kinds = ONE_STAGE[kind]
    levels = [maps[i : i + kinds] for i in range(0, len(maps), kinds)]
    scores, *factors, offsets = zip(*levels, strict=True)
    meta = dict(img_shape=image.shape[2:], scale_factor=(1.0, 1.0))
    (want,) = head.predict_by_feat(
        list(scores), list(offsets), *map(list, factors), batch_img_metas=[meta], rescale=False
    )
    names = dict(boxes='bboxes', scores='scores', labels='labels')
    same_boxes(want, as_instances({own: outputs[name] for name, own in names.items()}))
