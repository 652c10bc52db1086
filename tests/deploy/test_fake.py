"""Every compiled operator, as detectors call it, has the shapes that PyTorch is told."""

import pytest
import torch
from deploy.fused.test_fuse import MODELS, trained
from deploy.packing import config, detector
from models.tiny_detectors import images
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from surge_mmdet.deploy.fold import pack_model
from surge_mmdet.deploy.fused.fuse import fuse
from surge_mmdet.kernels import fake
from surge_mmdet.kernels.ops import PLAIN, kernel_name

pytestmark = pytest.mark.skipif(kernel_name() == PLAIN, reason='the kernels were not compiled')


class Compared(TorchDispatchMode):
    """Runs each operator of ours on fake tensors too."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        namespace, name = func._schema.name.split('::')
        if namespace == 'surge_mmdet' and name in fake.OPERATORS:
            meta = tree_map(lambda v: v.to('meta') if isinstance(v, torch.Tensor) else v, args)
            told = fake.OPERATORS[name](*meta)
            for real, shape in zip(tree_leaves(found), tree_leaves(told), strict=True):
                if name == 'nms' or real.numel():  # what nobody wants is empty
                    assert (real.shape, real.dtype) == (shape.shape, shape.dtype), name
            self.seen.add(name)
        return found


BINARY_HEAD = dict(
    type='surge_mmdet.BinaryShared2FCBBoxHead', policy=dict(linear=dict(surge=dict(eta=0.3)))
)


@pytest.fixture(scope='module')
def seen() -> set:
    """Names of the operators that detectors and a training ran, all compared."""
    compared = Compared()
    for head in ({}, BINARY_HEAD):
        head = dict(num_classes=80, **head)
        binary = detector(config('FasterRCNN', roi_head=dict(bbox_head=head)))
        data = images(binary)
        with compared:
            loss = binary.train()(**data, mode='loss')
            loss['loss_rpn_cls'][0].backward(retain_graph=True)
            loss['loss_bbox'].backward()
        packed = fuse(pack_model(binary)[0], 'int8')
        with torch.no_grad(), compared:
            packed(**images(packed, training=False), mode='predict')
    for name in ('vgg', 'vgg, floor', 'resnet18'):
        model = fuse(pack_model(trained(MODELS[name]()))[0])
        with torch.no_grad(), compared:
            model(torch.randn(1, 3, 96, 96))
    return compared.seen


def test_every_operator_was_compared(seen):
    assert set(fake.OPERATORS) - seen == set()
