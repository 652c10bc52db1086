"""From a config to what happens in front of an exported network, and PyTorch's exporter."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('onnxscript', reason='pip install -r requirements/export.txt')
pytest.importorskip('onnxruntime', reason='pip install -r requirements/export.txt')

import mmcv  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from mmdet.models.data_preprocessors import DetDataPreprocessor  # noqa: E402
from mmengine.config import Config  # noqa: E402
from onnx import TensorProto  # noqa: E402

from surge_mmdet.deploy.onnx_export.graph import Graph  # noqa: E402
from surge_mmdet.deploy.onnx_export.network import exported  # noqa: E402
from surge_mmdet.deploy.onnx_export.recipe import prepared, recipe_of  # noqa: E402

STEPS = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(1333, 800), keep_ratio=True)]
DATA = dict(type='CocoDataset', pipeline=STEPS)


def recipe(dataset: dict = DATA, **preprocessor) -> dict:
    model = SimpleNamespace(data_preprocessor=DetDataPreprocessor(**preprocessor))
    return recipe_of(Config(dict(test_dataloader=dict(dataset=dataset))), model)


@pytest.mark.parametrize(
    'wrapped',
    [
        dict(type='ConcatDataset', datasets=[DATA, DATA]),
        dict(type='RepeatDataset', times=2, dataset=DATA),
    ],
    ids=lambda dataset: dataset['type'],
)
def test_a_wrapped_data_set_has_the_pipeline_of_its_own(wrapped):
    assert recipe(wrapped) == recipe() and recipe()['scale'] == [1333, 800]


def test_a_padding_that_the_graph_has_not_is_refused():
    with pytest.raises(ValueError, match='pad_value=114 cannot be exported.* Write pad_value=0'):
        recipe(pad_size_divisor=32, pad_value=114)
    assert recipe(pad_size_divisor=1, pad_value=114) == recipe()  # nothing is padded


@pytest.mark.parametrize('size', [(149, 298), (480, 640), (33, 40), (300, 7), (1, 2000)])
def test_the_graph_has_mmcvs_sizes(size):
    """As ``test_onnx_image.py`` has it for numpy: 149x298 tells the order of roundings."""
    g = Graph()
    for value, name in zip(prepared(g, 'image', recipe()), ('x', 'scale'), strict=True):
        g.rename(value, name)
    outputs = ('x', TensorProto.FLOAT, [1, 3, 'h', 'w']), ('scale', TensorProto.FLOAT, [1, 4])
    model = g.model([('image', TensorProto.UINT8, ['height', 'width', 3])], outputs, {})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(['x'], {'image': np.zeros((*size, 3), np.uint8)})
    wide, high = mmcv.rescale_size(size[::-1], (1333, 800))
    assert found.shape == (1, 3, max(high, 1), max(wide, 1))


class AsksForAValue(torch.nn.Module):
    """Which no exporter knows beforehand."""

    def forward(self, x):
        return x + 1 if x.sum() > 0 else x


def test_what_pytorch_cannot_export_is_one_sentence():
    with pytest.raises(ValueError, match='cannot export AsksForAValue: ') as refused:
        exported(AsksForAValue(), torch.zeros(1, 3, 4, 4), {})
    assert '\n' not in str(refused.value)
