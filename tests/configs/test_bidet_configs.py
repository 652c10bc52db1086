"""BiDet's losses stand beside the mission's data sets, in both of its detectors."""

import pytest
from conftest import ROOT
from mmengine.config import Config

CONFIGS = {
    'faster_rcnn/faster-rcnn': (
        'r18_c4_{}_4x3e_voc0712',
        'r18_c4_{}_1x_coco',
        'r18_fpn128_{}_12e_bccd',
    ),
    'ssd/ssd300': ('vgg16_{}_24x10e_voc0712', 'vgg16_{}_24x5e_coco', 'vgg16_{}_12e_bccd'),
}


@pytest.mark.parametrize('detector', CONFIGS)
def test_weights_and_start_are_those_of_its_code_whatever_the_data(detector):
    """Its code has one set for VOC and COCO, and BCCD takes it."""
    paths = [ROOT / f'configs/{detector}_{name}.py' for name in CONFIGS[detector]]
    voc, *others = (Config.fromfile(str(path).format('ste-bidet')).model for path in paths)
    assert [loss.type.rpartition('.')[2] for loss in voc.losses] == [
        'InformationBottleneck',
        'SparseObjectPrior',
    ]
    assert all(model.losses == voc.losses and model.plain == voc.plain for model in others)
