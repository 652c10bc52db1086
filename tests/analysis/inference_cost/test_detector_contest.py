"""One tiny detector in all its forms."""

import pytest
import torch
from analysis.inference_cost.test_layer_contest import need
from analysis.inference_cost.tiny import noise, tiny
from torch.nn.modules.batchnorm import _BatchNorm

from surge_mmdet.analysis.inference_cost.contest import Pace, compete, relative_error
from surge_mmdet.analysis.inference_cost.detectors import LABELS, contest, models
from surge_mmdet.analysis.inference_cost.detectors.check import packed_error
from surge_mmdet.analysis.inference_cost.detectors.table import detectors_table, parts_of
from surge_mmdet.deploy.packed_layers import PackedLayer
from surge_mmdet.kernels import ops
from surge_mmdet.layers import BinaryLayer

PACE = Pace(rounds=1, warmup=0)
QUICK = tuple(label for label in LABELS if 'compiled' not in label)
KINDS = ('FasterRCNN', 'RetinaNet')


def field_of(kind: str, pace: Pace = PACE) -> contest.Field:
    binary = tiny(kind)
    images = noise(binary)
    return contest.Field(binary, models.float_twin(binary, images.calibration), images, pace)


@pytest.fixture(scope='module')
def fields() -> dict:
    """One for each kind: what was exported serves several contestants."""
    return {kind: field_of(kind) for kind in KINDS}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('label', QUICK)
def test_each_contestant_gives_the_maps_it_has_to(fields, label, kind):
    need(label)
    field = fields[kind]
    (outcome,) = compete(field.contestants(), PACE._replace(only=(label,))).values()
    assert outcome.counts, f'{label}: {outcome.why}'
    if 'int8' in label:
        assert outcome.error > 1e-4  # it did round
    parts = field.detectors[label].parts[-1]
    assert all(seconds > 0 for seconds in parts.values())


@pytest.mark.parametrize('kind', KINDS)
def test_the_twin_has_no_binary_layer_and_no_norm(kind):
    binary = tiny(kind)
    twin = models.float_twin(binary)
    assert not any(isinstance(m, BinaryLayer) for m in twin.modules())
    images = noise(binary)
    before = contest.FloatTwin(twin, images)
    after = contest.FloatTwin(models.folded(twin), images)
    norms = [m for m in after.model.modules() if isinstance(m, _BatchNorm)]
    assert not norms and any(isinstance(m, _BatchNorm) for m in twin.modules())
    assert relative_error(after.trunk.want, before.trunk.want) < 1e-4


@pytest.mark.parametrize('part', ['trunk', 'boxes'])
def test_wrong_values_of_another_runtime_are_seen(part):
    field = field_of('FasterRCNN', PACE._replace(only=('torch float32',)))
    with torch.no_grad():  # what it has to give stays, what it runs changes
        module = getattr(field.twin, part).module
        wanted = field.twin.want
        next(p for p in module.parameters() if p.dim() > 1).mul_(1.1)
    (outcome,) = compete(field.contestants(), field.pace).values()
    assert len(wanted) > 10 and outcome.why.startswith('wrong values')


def test_norms_take_the_statistics_of_the_images():
    model = tiny('RetinaNet')
    images = noise(model)
    seen = {}
    models.set_norms(model, images.calibration)
    norm = next(m for m in model.modules() if isinstance(m, _BatchNorm))
    norm.register_forward_hook(lambda m, args, out: seen.update(out=out.clone()))
    inputs = [b['inputs'][0] for b in images.calibration]
    data = model.data_preprocessor(dict(inputs=inputs, data_samples=None), False)
    with torch.no_grad():
        model.extract_feat(data['inputs'])
    normal = (seen['out'] - norm.bias[:, None, None]) / norm.weight[:, None, None]
    assert normal.mean((0, 2, 3)).abs().max() < 1e-3
    assert (normal.var((0, 2, 3)) - 1).abs().max() < 1e-2


@pytest.mark.parametrize('kind', KINDS)
def test_wrong_values_of_a_packed_layer_are_seen(kind):
    if ops.kernel_name() == ops.PLAIN:
        pytest.skip('there are no compiled kernels to hold against plain PyTorch')
    field = field_of(kind)
    model = models.packed(field.binary)
    detector = field._own('packed', model)

    def run():
        detector.predict(field.images.timed)

    assert packed_error(run) <= contest.TOLERANCE.packed
    layers = [m for m in model.modules() if isinstance(m, PackedLayer) and m._weight]
    layers[0].weight().data.view(-1)[:64] = 0  # what the kernel reads, not the layer's bits
    assert packed_error(run) > 1e-2


def test_a_detector_without_packed_layers_cannot_pass_for_one():
    field = field_of('RetinaNet')
    detector = field._own('float', field.twin.model)
    with pytest.raises(ValueError, match='no packed layer'):
        packed_error(lambda: detector.predict(field.images.timed))


def test_pieces_of_other_sizes_are_filled_up():
    run = contest._in_rows(lambda x: (x * 2, x.sum(1)), 4)
    for rows in (0, 1, 4, 5, 8):
        x = torch.randn(rows, 3)
        double, total = run(x)
        torch.testing.assert_close(double, x * 2)
        torch.testing.assert_close(total, x.sum(1))


def test_the_table_has_times_parts_and_ap():
    only = ('packed', 'simulated', 'torch float32')
    field = field_of('RetinaNet', PACE._replace(only=only))
    found = compete(field.contestants(), field.pace)
    parts = parts_of(found, field.detectors)
    table = detectors_table(found, parts, {'packed': 0.5, 'simulated': 'why not'})
    head, _, *rows = table.markdown().splitlines()
    assert head == (
        '| | ms | of it before | network | rest | x torch float32 (25-75 %) '
        '| x best int8 (25-75 %) | error | AP |'
    )
    assert [row.split(' | ')[-1] for row in rows] == ['0.500 |', 'why not |', '- |']
    (base,) = (row for row in table.rows if row['contestant'] == 'torch float32')
    assert base['torch float32'] == [1.0, 1.0, 1.0] and base['best int8'] is None
