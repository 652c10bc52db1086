"""FGFI, FGD and IDa-Det against their formulas at points worked out by hand."""

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmdet.models.task_modules.prior_generators import AnchorGenerator
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import nn

from surge_mmdet.distill import FGD, FGFI, IDaDet
from surge_mmdet.distill.losses.discrepancy import discrepancy, mean_discrepancy
from surge_mmdet.distill.losses.gc_block import GcBlock
from surge_mmdet.losses import Context, View

sys.path.append(str(Path(__file__).parents[1] / 'models'))
from tiny_twins import built, twin  # noqa: E402

SIZE = (32, 48)  # of the input; maps have strides of 8 and 16
CHANNELS = 4


class Head(nn.Module):
    """Anchors of 8 and 16 pixels, one for each cell; proposes what it is told."""

    def __init__(self, *proposals) -> None:
        super().__init__()
        self.in_channels = CHANNELS
        self.prior_generator = AnchorGenerator(strides=[8, 16], ratios=[1.0], scales=[1.0])
        self.proposals = proposals

    def forward(self, maps) -> tuple:
        return (list(maps),)

    def predict_by_feat(self, maps, batch_img_metas, cfg, rescale) -> list:
        assert cfg.score_thr == 0.85 and rescale is False
        return [
            InstanceData(bboxes=torch.tensor(boxes).view(-1, 4).float(), scores=scores)
            for boxes, scores in self.proposals
        ]


def detector(*proposals) -> nn.Module:
    found = nn.Module()
    found.bbox_head = Head(*proposals)
    return found


def maps(value: float = 0.0, images: int = 1, seed=None) -> list:
    shapes = ((images, CHANNELS, 4, 6), (images, CHANNELS, 2, 3))
    if seed is None:
        return [torch.full(shape, value) for shape in shapes]
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def samples(*boxes) -> list:
    found = []
    for own in boxes:
        sample = DetDataSample(metainfo=dict(img_shape=SIZE))
        boxes = torch.tensor(own, dtype=torch.float).view(-1, 4)
        labels = torch.zeros(len(boxes), dtype=torch.long)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        found.append(sample)
    return found


def step(student: list, teacher: list, *boxes, proposals=((), ())) -> Context:
    views = (View(m, detector(*p)) for m, p in zip((student, teacher), proposals, strict=True))
    return Context(*views, samples(*boxes), SIZE)


def ready(loss):
    """As a detector's building leaves it."""
    loss.prepare(detector())
    return loss


# FGFI ----------------------------------------------------------------------


def test_fgfi_looks_at_cells_whose_anchors_are_near():
    """A box of the size of a cell: its own anchor has IoU 1, no other one half of that."""
    loss = ready(FGFI())
    context = step(maps(), maps(), [[16, 8, 24, 16]])
    # Anchors are centred on the corners of cells: 8x8 around (16, 8), ...
    fine, coarse = loss.masks(context)
    overlaps = _overlaps([16, 8, 24, 16])
    best = max(value for level in overlaps for value in level.values())
    for mask, level in zip((fine, coarse), overlaps, strict=True):
        want = {cell for cell, value in level.items() if value > 0.5 * best}
        assert {tuple(cell) for cell in mask[0].nonzero().tolist()} == want
    assert fine.sum() > 0


def _overlaps(box: list) -> list:
    """IoU of a box with each anchor, written out, by (row, column) of each level."""
    found = []
    for stride, (rows, columns) in ((8, (4, 6)), (16, (2, 3))):
        level = {}
        for row in range(rows):
            for column in range(columns):
                x, y, half = column * stride, row * stride, stride / 2
                anchor = (x - half, y - half, x + half, y + half)
                width = min(anchor[2], box[2]) - max(anchor[0], box[0])
                height = min(anchor[3], box[3]) - max(anchor[1], box[1])
                shared = max(width, 0) * max(height, 0)
                area = (box[2] - box[0]) * (box[3] - box[1]) + stride**2
                level[row, column] = shared / (area - shared)
        found.append(level)
    return found


def test_fgfi_divides_by_twice_the_cells():
    """d = 1 in 4 channels: 0.01 * 4 n / (2 n) = 0.02, however many cells there are."""
    loss = ready(FGFI())
    for boxes in ([[16, 8, 24, 16]], [[0, 0, 40, 30], [8, 8, 16, 16]]):
        assert loss(step(maps(1.0), maps(), boxes)).item() == pytest.approx(0.02)


def test_fgfi_of_large_and_small_objects_speaks_on_their_levels():
    loss = ready(FGFI())
    fine, coarse = loss.masks(step(maps(), maps(), [[12, 4, 20, 12]]))  # an anchor itself
    assert fine.sum() == 1 and coarse.sum() == 0
    fine, coarse = loss.masks(step(maps(), maps(), [[8, 8, 24, 24]]))
    assert fine.sum() == 0 and coarse.sum() == 1 and coarse[0, 1, 1]


def test_fgfi_refuses_points():
    with pytest.raises(ValueError, match="FCOSHead has no anchors.*type='surge_mmdet.FGD'"):
        FGFI().prepare(built(twin('FCOS', 'fp32')))


# FGD -----------------------------------------------------------------------


def test_fgd_scales():
    """One over the area of the smallest box on a cell; one over the cells beside all boxes."""
    context = step(maps(), maps(), [[0, 0, 16, 16], [8, 8, 40, 32]], [])
    context.samples = samples([[0, 0, 16, 16], [8, 8, 40, 32]], [])
    near, far = FGD.scales(context, maps(images=2)[0])
    assert near[0, 0, 0] == near[0, 1, 1] == pytest.approx(1 / 4)
    assert near[0, 3, 4] == pytest.approx(1 / 12) and near[0, 0, 5] == 0
    free = 24 - 4 - 12 + 1
    assert far[0, 0, 5] == pytest.approx(1 / free) and far[0, 1, 1] == 0
    assert near[1].sum() == 0 and far[1].unique().tolist() == [pytest.approx(1 / 24)]


def test_fgd_attention():
    """Two cells of mean size 0 and 0.5 ln 3 at T = 0.5: shares 1/4 and 3/4, times two."""
    x = torch.tensor([0.0, -0.5 * math.log(3)]).view(1, 1, 1, 2).repeat(1, 2, 1, 1)
    found = FGD().attention(x)
    assert found.spatial.flatten().tolist() == pytest.approx([0.5, 1.5])
    assert found.channel.tolist() == [[1.0, 1.0]]


def test_fgd_by_hand():
    """Constant maps: attention is 1 everywhere, d = 1."""
    factors = dict(alpha=1.0, beta=0.0, gamma=0.0, relation=0.0)
    boxes = [[0, 0, 16, 16]]
    near = ready(FGD(**factors))(step(maps(1.0), maps(), boxes))
    assert near.item() == pytest.approx(2 * CHANNELS)  # a sum of 1 on both levels
    far = ready(FGD(**factors | dict(alpha=0.0, beta=1.0)))(step(maps(1.0), maps(), boxes))
    assert far.item() == pytest.approx(2 * CHANNELS)
    relation = ready(FGD(**factors | dict(alpha=0.0, relation=1.0)))
    assert relation(step(maps(1.0), maps(), boxes)).item() == pytest.approx(CHANNELS * (24 + 6))
    looks = ready(FGD(**factors | dict(alpha=0.0, gamma=1.0)))
    assert looks(step(maps(1.0), maps(), boxes)).item() == pytest.approx(0, abs=1e-5)


def test_fgd_against_the_sum_written_out():
    loss = ready(FGD(alpha=0.3, beta=0.2, gamma=0.1, relation=0.0))
    student, teacher = maps(seed=1), maps(seed=2)
    context = step(student, teacher, [[3, 5, 20, 29]])
    want = 0.0
    for s, t in zip(student, teacher, strict=True):
        near, far = (each[0] for each in FGD.scales(context, t))
        mine, other = (_attention(x[0]) for x in (s, t))
        for c in range(CHANNELS):
            for i in range(t.shape[2]):
                for j in range(t.shape[3]):
                    focus = (0.3 * near[i, j] + 0.2 * far[i, j]) * other[0][i, j] * other[1][c]
                    want += focus * (t[0, c, i, j] - s[0, c, i, j]) ** 2
        want += 0.1 * sum((a - b).abs().sum() for a, b in zip(mine, other, strict=True))
    assert loss(context).item() == pytest.approx(want.item(), rel=1e-4)


def _attention(x):
    spatial, channel = (x.abs().mean(0) / 0.5).exp(), (x.abs().mean((1, 2)) / 0.5).exp()
    return spatial / spatial.sum() * spatial.numel(), channel / channel.sum() * len(channel)


def test_gc_block_starts_as_the_identity_and_adds_one_context():
    block, x = GcBlock(4), maps(seed=3)[0]
    assert torch.equal(block(x), x)
    nn.init.normal_(block.add[-1].weight)
    added = block(x) - x
    assert added.abs().max() > 0
    assert torch.allclose(added, added[..., :1, :1].expand_as(added), atol=1e-6)
    share = block.look(x).flatten(2).softmax(-1)
    context = (x.flatten(2) * share).sum(-1)
    assert torch.allclose(block.add(context), added[..., 0, 0], atol=1e-5)


# IDa-Det -------------------------------------------------------------------


def test_discrepancy_by_hand():
    """d = 1, variance 1 in both of two channels: 2; twice the variance halves it."""
    t = torch.tensor([0.0, 2.0, 0.0, 2.0]).view(1, 2, 2).repeat(2, 1, 1)
    whole = torch.tensor([[0, 0, 2, 2]])
    assert discrepancy(t + 1, t, whole).tolist() == pytest.approx([2])
    wide = torch.stack([t[0] * 2**0.5, t[1]])
    assert discrepancy(wide + 1, wide, whole).tolist() == pytest.approx([1.5])


def test_discrepancy_of_each_box_is_that_of_its_patch():
    s, t = maps(seed=4)[0][0], maps(seed=5)[0][0]
    cells = torch.tensor([[0, 0, 6, 4], [1, 2, 3, 4], [4, 0, 6, 3]])
    want = []
    for x1, y1, x2, y2 in cells.tolist():
        a, b = (x[:, y1:y2, x1:x2].double().flatten(1) for x in (s, t))
        variance = (a.var(1, correction=0) + b.var(1, correction=0)) / 2
        want.append(((a - b).square().mean(1) / variance).sum().item())
    assert discrepancy(s, t, cells).tolist() == pytest.approx(want)


def test_discrepancy_of_constant_patches_is_finite():
    one_cell = torch.tensor([[2, 2, 3, 3]])
    assert discrepancy(maps(seed=1)[0][0], maps(seed=2)[0][0], one_cell).isfinite().all()


def test_a_level_on_which_a_box_is_one_cell_says_nothing_about_it():
    """Of one cell the variance is 0, which is no measure of what differs."""
    student, teacher = maps(seed=1), maps(seed=2)
    context = step(student, teacher, [])
    wide, narrow, point = [0, 0, 48, 32], [32, 0, 48, 16], [2, 2, 6, 6]
    boxes = torch.tensor([wide, narrow, point]).float()
    patches = [(s[0], t[0], context.cells(boxes, s)) for s, t in zip(student, teacher, strict=True)]
    fine, coarse = (discrepancy(*each) for each in patches)
    found = mean_discrepancy(patches)
    assert found[0].item() == pytest.approx((fine[0] + coarse[0]).item() / 2)
    assert found[1].item() == pytest.approx(fine[1].item())
    assert found[2] == found.min() and coarse[2] > 1e3 < fine[2]


def test_ida_det_chooses_a_box_of_one_cell_last():
    student, teacher = maps(seed=6), maps(seed=7)
    point, wide, high = [2, 2, 6, 6], [16, 0, 48, 16], [0, 0, 16, 32]
    context = proposing(student, teacher, [point, wide], [high, [0, 0, 48, 32]])
    loss = ready(IDaDet(gamma=0.6))
    chosen = loss.chosen_boxes(loss.pairs(student, teacher), context)[0].tolist()
    assert sorted(chosen) == sorted([wide, high])
    alone = proposing(student, teacher, [point], [point, [0, 0, 48, 32]])
    assert len(loss.chosen_boxes(loss.pairs(student, teacher), alone)[0]) == 2


def proposing(student: list, teacher: list, mine, theirs) -> Context:
    proposals = (((mine, torch.full((len(mine),), 0.9)),), ((theirs, torch.tensor([0.9, 0.1])),))
    return step(student, teacher, [], proposals=proposals)


def test_ida_det_takes_the_pairs_that_differ_most():
    student, teacher = maps(seed=6), maps(seed=6)
    for x in student:
        x[..., :1] += 5  # the left is wrong
    left, middle, right = [0, 0, 16, 16], [16, 0, 32, 16], [32, 16, 48, 32]
    context = proposing(student, teacher, [middle, left], [right, [0, 0, 48, 32]])
    loss = ready(IDaDet(gamma=0.3))
    pairs = loss.pairs(student, teacher)
    boxes = loss.proposals(context)[0]
    assert boxes.tolist() == [middle, left, right]  # the last one is not sure enough
    assert loss.chosen_boxes(pairs, context)[0].tolist() == [left]
    assert len(ready(IDaDet(gamma=0.6)).chosen_boxes(pairs, context)[0]) == 2


def test_ida_det_by_hand():
    """d = 1 at sigma = 1: 0.5 * (1 + 1 + 0); at sigma^2 = e: 0.5 * (1 + 1/e + 1)."""
    box = [[0, 0, 16, 16]]
    context = proposing(maps(1.0), maps(), box, [[16, 0, 32, 16], [0, 0, 1, 1]])
    loss = ready(IDaDet())
    assert loss(context).item() == pytest.approx(1.0)
    nn.init.ones_(loss.log_variance['0'])
    nn.init.ones_(loss.log_variance['1'])
    assert loss(context).item() == pytest.approx(0.5 * (2 + math.exp(-1)))


def test_ida_det_masks_boxes_and_not_rows():
    """Only cells of the box are compared: a difference beside it changes nothing."""
    box = [[16, 8, 32, 16]]
    for row, column, inside in ((1, 2, True), (1, 5, False), (3, 2, False), (0, 0, False)):
        student = maps()
        student[0][0, :, row, column] = 3.0
        context = proposing(student, maps(), box, [[16, 8, 32, 16], [0, 0, 1, 1]])
        loss = ready(IDaDet(levels=[0]))
        loss.adapt['0'] = nn.Identity()
        assert (loss(context).item() > 0) == inside


def test_ida_det_variances_are_those_of_the_differences():
    """The optimum of d^2 / v + log v is v = d^2."""
    context = proposing(maps(0.5), maps(), [[0, 0, 16, 16]], [[0, 0, 9, 9], [0, 0, 1, 1]])
    loss = ready(IDaDet())
    nn.init.constant_(loss.log_variance['0'], math.log(0.25))
    loss(context).backward()
    assert loss.log_variance['0'].grad.abs().max() < 1e-6
    assert loss.log_variance['1'].grad.min() > 0


def test_a_variance_below_the_least_comes_back_and_is_not_pushed_further():
    """Behind a plain clamp it had no gradient and stayed for ever."""
    box = [[0, 0, 16, 16]]
    loss = ready(IDaDet()).double()
    for difference, returns in ((2.0, True), (0.0, False)):
        context = proposing(maps(difference), maps(), box, [[16, 0, 32, 16], [0, 0, 1, 1]])
        variances = list(loss.log_variance.values())
        for each in variances:
            nn.init.constant_(each, -9.0)
        optimizer = torch.optim.SGD(variances, lr=1e-3)
        pairs = [
            SimpleNamespace(level=i, student=s.double(), teacher=t.double())
            for i, (s, t) in enumerate(zip(context.student.maps, context.teacher.maps, strict=True))
        ]
        for _ in range(5):
            optimizer.zero_grad()
            loss.total(pairs, context).backward()
            optimizer.step()
        for each in variances:
            moved = each > math.log(1e-3) if returns else each == -9
            assert moved.all()


def test_ida_det_without_a_sure_proposal_is_zero_and_trains_on():
    nothing = (((), torch.zeros(0)),)
    context = step(maps(1.0), maps(), [], proposals=(nothing, nothing))
    loss = ready(IDaDet())
    value = loss(context)
    value.backward()
    assert value.item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in loss.parameters())


# All -----------------------------------------------------------------------

LOSSES = (FGFI, FGD, IDaDet)
SURE = torch.tensor([0.9, 0.9])
EACH = ([[0.0, 0, 16, 16], [8, 8, 40, 32]], SURE)


def full_step(student: list, teacher: list) -> Context:
    boxes = [[0, 0, 16, 16], [20, 8, 44, 30]]
    return step(student, teacher, boxes, [], proposals=((EACH, EACH), (EACH, EACH)))


@pytest.mark.parametrize('kind', LOSSES)
def test_gradients_are_those_of_the_formula(kind):
    """In float64, against differences; everything inside is smooth there."""
    loss = ready(kind(1.0)).double()
    if kind is FGD:
        loss.factors = dict.fromkeys(loss.factors, 0.1)
        for block in (*loss.student_relation.values(), *loss.teacher_relation.values()):
            nn.init.normal_(block.add[-1].weight, std=0.1)
    teacher = [x.double() for x in maps(images=2, seed=8)]

    def of(*student):
        context = full_step(list(student), teacher)
        pairs = [
            SimpleNamespace(level=i, student=s, teacher=t)
            for i, (s, t) in enumerate(zip(student, teacher, strict=True))
        ]
        return loss.total(pairs, context)

    student = [x.double().requires_grad_() for x in maps(images=2, seed=9)]
    assert torch.autograd.gradcheck(of, student, atol=1e-6)


@pytest.mark.parametrize('kind', LOSSES)
def test_what_is_built_does_not_change_what_is_drawn_next(kind):
    torch.manual_seed(3)
    want = torch.rand(4)
    torch.manual_seed(3)
    ready(kind())
    assert torch.equal(torch.rand(4), want)


@pytest.mark.parametrize('kind', LOSSES)
def test_levels_can_be_left_out(kind):
    loss = ready(kind(levels=[-1]))
    names = {name for name, _ in loss.named_parameters()}
    assert names and all('.1' in name for name in names)
    assert loss(full_step(maps(images=2, seed=1), maps(images=2, seed=2))).item() > 0


@pytest.mark.parametrize('kind', LOSSES)
def test_computes_in_float32_under_autocast(kind):
    loss = ready(kind())
    student = [x.requires_grad_() for x in maps(images=2, seed=1)]
    teacher = maps(images=2, seed=2)
    want = loss(full_step(student, teacher)).item()
    with torch.autocast('cpu', torch.bfloat16):
        found = loss(full_step([x * 1 for x in student], teacher))
    found.backward()
    assert found.dtype == torch.float and found.item() == pytest.approx(want)
    assert all(x.grad.isfinite().all() for x in student)


@pytest.mark.parametrize(
    'kind, keys, line',
    [
        (FGFI, dict(psi=1.0), r'psi must be in \(0, 1\).*psi=0.5'),
        (FGD, dict(alpha=-1.0), 'alpha must be a number and not negative.*alpha=1.0'),
        (FGD, dict(temperature=0.0), 'temperature must be positive.*temperature=0.5'),
        (IDaDet, dict(gamma=0.0), r'gamma must be a share in \(0, 1\].*gamma=0.6'),
    ],
)
def test_wrong_options_show_the_line(kind, keys, line):
    with pytest.raises(ValueError, match=line):
        kind(**keys)
