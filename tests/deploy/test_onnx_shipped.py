"""Every shipped detector config has a form in ONNX, in both runtimes, or a reason by name."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
pytest.importorskip('openvino', reason='pip install -r requirements/benchmark.txt')

from deploy.exporting import content  # noqa: E402
from deploy.in_step import (  # noqa: E402
    NAMES,
    InStep,
    in_onnx_runtime,
    in_openvino,
    predict,
    unfused,
    watched,
)
from deploy.packing import CONFIGS  # noqa: E402

from surge_mmdet.deploy.agreement import match  # noqa: E402
from surge_mmdet.deploy.config_text import from_text, to_text  # noqa: E402
from surge_mmdet.deploy.load import build_detector, packed_structure  # noqa: E402
from surge_mmdet.deploy.onnx_export import export  # noqa: E402
from surge_mmdet.deploy.onnx_export.recipe import recipe_of  # noqa: E402
from surge_mmdet.deploy.onnx_export.supported import check_supported  # noqa: E402
from surge_mmdet.deploy.onnx_export.verify import as_instances  # noqa: E402

pytestmark = pytest.mark.slow

FOLDERS = ('faster_rcnn', 'ssd', 'ablation', 'binarized')
SHIPPED = sorted(p for folder in FOLDERS for p in (CONFIGS / folder).glob('*_*.py'))
REFUSED = {
    'atss_r50_fpn_surge_1x_coco': 'bbox_head, ATSSHead, cannot be exported',
    'mask-rcnn_r50_fpn_surge_1x_coco': 'roi_head.mask_head, FCNMaskHead, cannot be exported',
    'rtmdet_tiny_surge_8xb32-300e_coco': 'bbox_head, RTMDetSepBNHead, cannot be exported',
}
# A config of each structure: every shipped one consists of the modules of one of them.
EXPORTED = (
    'faster_rcnn/faster-rcnn_r18_fpn_surge_1x_coco.py',
    'faster_rcnn/faster-rcnn_r18_fpn_fp32_4x3e_voc0712.py',
    'faster_rcnn/faster-rcnn_r18_fpn_surge-binary-fc_4x3e_voc0712.py',
    'faster_rcnn/faster-rcnn_r18_c4_surge_4x3e_voc0712.py',
    'faster_rcnn/faster-rcnn_r18_c4_fp32_4x3e_voc0712.py',
    'faster_rcnn/faster-rcnn_r34_fpn_surge_4x3e_voc0712.py',
    'faster_rcnn/faster-rcnn_r34_fpn_fp32_1x_coco.py',
    'faster_rcnn/faster-rcnn_r50_fpn_surge_4x3e_voc0712.py',
    'faster_rcnn/faster-rcnn_r50-caffe_fpn128_surge_12e_bccd.py',
    'faster_rcnn/faster-rcnn_r50_fpn_fp32_1x_coco.py',
    'ssd/ssd300_vgg16_surge_12e_bccd.py',
    'ssd/ssd300_vgg16_fp32_12e_bccd.py',
    'ssd/ssd512_vgg16_surge_24x10e_voc0712.py',
    'ssd/ssd512_vgg16_fp32_24x5e_coco.py',
    'binarized/retinanet_r18_fpn_surge_1x_coco.py',
    'binarized/retinanet_r18_fpn_fp32_1x_coco.py',
    'binarized/fcos_r50-caffe_fpn_gn-head_surge_1x_coco.py',
    'binarized/yolox_s_surge_8xb8-300e_coco.py',
)


def modules_of(path) -> tuple:
    """Names and types of what is left of a config's detector once it is packed."""
    text = to_text(Config.fromfile(path))  # as a packed file has it: no teacher, no losses
    model = build_detector(Config(from_text(text, path)))
    kept = packed_structure(model, real_too=True)
    check_supported(model, kept)
    recipe_of(model.cfg, model)
    return tuple((name, type(module).__name__) for name, module in model.named_modules())


@pytest.fixture(scope='module')
def exported_structures():
    return {modules_of(CONFIGS / path) for path in EXPORTED}


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_config_is_one_of_those_exported_or_refused_by_name(
    path, exported_structures
):
    if path.stem in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[path.stem]):
            modules_of(path)
    else:
        assert modules_of(path) in exported_structures


@pytest.mark.parametrize('config', EXPORTED)
def test_it_exports_and_both_runtimes_agree_with_the_packed_detector(tmp_path, config):
    """In all its width, with random weights, in step."""
    found = content(config)
    export(found, tmp_path / 'a.onnx', expand=True)
    model, reads = watched(tmp_path / 'a.onnx')
    side = getattr(unfused(found), 'bbox_head', None)
    side = getattr(getattr(side, 'prior_generator', None), 'input_size', None)
    size = (side, side) if side else (96, 128)
    image = np.random.default_rng(0).normal(size=(1, 3, *size)).astype(np.float32)
    for run in (in_onnx_runtime, in_openvino):
        values = run(model, image)
        detector = unfused(found)
        step = InStep(detector, [(layer, values[name]) for layer, name in reads])
        want = predict(detector, torch.from_numpy(image))
        got = as_instances({own: np.array(values[name]) for name, own in NAMES.items()})
        assert not any(step.waiting.values()), 'a layer was not called'
        assert step.flipped <= 1e-4 * step.seen, (run.__name__, step.flipped, step.seen)
        pairs = len(match(want, got, iou=0.95, score=0.0).pairs)
        most = max(len(want), len(got))
        assert pairs >= 0.98 * most > 0, (run.__name__, len(want), len(got), pairs)
