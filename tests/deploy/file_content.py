"""What a small packed file holds, of every type and shape there is."""

import torch

from surge_mmdet.deploy.format import PackedFile


def content(**changes) -> PackedFile:
    generator = torch.Generator().manual_seed(0)
    tensors = {
        'backbone.conv.bits': torch.randint(
            -(2**31), 2**31 - 1, (8, 3, 3, 2), dtype=torch.int32, generator=generator
        ),
        'backbone.conv.scale': torch.rand(8, generator=generator),
        'head.fc.weight': torch.randn(4, 8, generator=generator).half(),
        'head.reg.weight': torch.arange(-4, 4, dtype=torch.int8).view(2, 4),
        'head.reg.weight:scale': torch.rand(2, generator=generator),
        'empty': torch.zeros(0, 4),
        'number': torch.tensor(3.0),
    }
    meta = dict(classes=('cat', 'dög'), palette=[(1, 2, 3), (4, 5, 6)])
    given = dict(tensors=tensors, config="model = {'type': 'X'}\n", dataset_meta=meta)
    return PackedFile(**{**given, 'real': 'float16', **changes})


def same(a: PackedFile, b: PackedFile) -> bool:
    return a._replace(tensors=None) == b._replace(tensors=None) and (
        a.tensors.keys() == b.tensors.keys()
        and all(
            t.dtype == b.tensors[name].dtype and t.equal(b.tensors[name])
            for name, t in a.tensors.items()
        )
    )
