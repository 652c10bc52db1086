"""Batches whose inputs do not fit what a thread keeps are taken a group of images at a time."""

import subprocess
import sys

import pytest
import torch
from test_packed_ops import KERNELS, identity, tensors
from torch.nn.functional import conv2d

from surge_mmdet.kernels import bands, maps
from surge_mmdet.kernels.maps import Window
from surge_mmdet.kernels.ops import Epilogue, Filter, binary_conv, pack_signs, pack_weight

COMPILED = [kernel for kernel in KERNELS if kernel != 'torch']
every_compiled = pytest.mark.parametrize('kernel', COMPILED)
WORDS, SIZE, BATCH = 128, 128, 9  # 8 MB an image and more, 75 MB together
MAPS = dict(
    whole=lambda bits, w, e: binary_conv(bits, w, e, signs=True),
    pooled=lambda bits, w, e: bands.binary_conv_pool(
        bits, w, e, Window((2, 2), (2, 2)), Epilogue(), True
    ),
    projected=lambda bits, w, e: (
        bands.binary_conv_project(bits, w, e, bands.projection(torch.ones(2, 3), torch.ones(2))),
    ),
    onto=lambda bits, w, e: bands.binary_conv_onto(bits, w, e, bits, w, e, True),
)


@pytest.fixture(scope='module')
def bits():
    torch.manual_seed(0)
    return torch.randint(-(2**31), 2**31 - 1, (BATCH, SIZE, SIZE, WORDS), dtype=torch.int32)


@every_compiled
@pytest.mark.parametrize('way', MAPS)
def test_a_large_batch_gives_what_each_image_gives(kernel, way, bits):
    layer = Filter(32 * WORDS, 3, stride=(4, 4))
    weight = pack_weight(pack_signs(tensors(layer)[1], kernel=kernel), layer, kernel)
    together = MAPS[way](bits, weight, identity(3))
    alone = [MAPS[way](image[None], weight, identity(3)) for image in bits]
    for part, each in zip(together, zip(*alone, strict=True), strict=True):
        assert part.equal(torch.cat(each))


@every_compiled
def test_a_large_batch_of_images_gives_what_each_gives(kernel):
    torch.manual_seed(0)
    x, w = torch.randn(9, 1500, 1500, 1), torch.randn(2, 1, 3, 3)
    layer = Filter(1, 2, 1, (3, 3), (5, 5), (1, 1))
    weight = maps.direct_weight(w, layer)
    out, _ = maps.direct_conv(x, weight, Epilogue(), kernel=kernel)
    pooled, _ = maps.direct_conv_pool(x, weight, Window((2, 2), (2, 2)), Epilogue())
    for i in (0, 6, 8):
        want = conv2d(x[i : i + 1].permute(0, 3, 1, 2), w, None, 5, 1).permute(0, 2, 3, 1)
        torch.testing.assert_close(out[i : i + 1], want, rtol=1e-4, atol=1e-5)
        one, _ = maps.direct_conv_pool(x[i : i + 1], weight, Window((2, 2), (2, 2)), Epilogue())
        assert pooled[i : i + 1].equal(one)


MEMORY = """
import resource, torch
from surge_mmdet.kernels import maps
from surge_mmdet.kernels.ops import Epilogue, Filter
layer = Filter(1, 2, 1, (1, 1), (20, 20))
weight = maps.direct_weight(torch.ones(2, 1, 1, 1), layer)
x = torch.ones(1, 1000, 1000, 1)
run = lambda batch: maps.direct_conv(x.expand(batch, -1, -1, -1), weight, Epilogue())
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in kB
run(1)
before = peak()
run(100)
print(peak() - before)
"""


@pytest.mark.skipif(not COMPILED, reason='the package was built without its kernels')
def test_a_batch_takes_no_more_memory_than_a_thread_keeps():
    done = subprocess.run(
        [sys.executable, '-c', MEMORY], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 80_000, '400 MB at once'
