import pytest
import torch
from conftest import ROOT
from models.tiny_detectors import build, images
from surge_mmdet.analysis.complexity_table import build_model, load_config
from surge_mmdet.analysis.gradient_fidelity import estimator
from surge_mmdet.analysis.step_contestants import LITERAL_SCALE, Contestant
from torch import nn

from surge_mmdet.layers import BinaryConv2d, BinaryLayer, BinaryLinear
from surge_mmdet.surge import close_steps, running_scalers

RCNN = 'faster_rcnn/faster-rcnn_r18_fpn128_{}_12e_bccd.py'
SSD = 'ssd/ssd300_vgg16_{}_12e_bccd.py'


def make(**surge):
    """A binary convolution and a binary linear layer in a small net."""
    torch.manual_seed(0)
    return nn.Sequential(
        BinaryConv2d(2, 4, 3, padding=1, surge=dict(eta=0.3, **surge)),
        nn.BatchNorm2d(4),
        nn.Flatten(),
        BinaryLinear(4 * 25, 3, surge=dict(eta=0.3, **surge)),
    )


def config_model(name: str):
    path = str(ROOT / 'configs' / name)
    return build_model(load_config(path), path)


def structure(model) -> list:
    """Names and kinds of all modules, names and shapes of all values."""
    return [
        *((name, type(m).__name__) for name, m in model.named_modules()),
        *((name, tuple(value.shape)) for name, value in model.state_dict().items()),
    ]


@pytest.mark.parametrize('method', ['fp32', 'ste'])
@pytest.mark.parametrize('name', [RCNN, SSD])
def test_twins_are_those_of_the_shipped_configs(method, name):
    made = Contestant(method).build(lambda: config_model(name.format('surge')))
    assert structure(made) == structure(config_model(name.format(method)))


def gradients(model, data) -> tuple:
    """Losses on ``data`` and every parameter's gradient, by name."""
    torch.manual_seed(0)
    losses = model(**data, mode='loss')
    total = model.parse_losses(losses)[0]
    model.zero_grad()
    total.backward()
    return total.detach(), {name: p.grad for name, p in model.named_parameters() if p.requires_grad}


def compare(first, second) -> None:
    torch.testing.assert_close(first[0], second[0], rtol=0, atol=0)
    assert set(first[1]) == set(second[1])
    for name, grad in first[1].items():
        scale = float(grad.abs().max())
        assert scale or 'aux' not in name, name
        torch.testing.assert_close(second[1][name], grad, rtol=1e-3, atol=1e-4 * scale, msg=name)


@pytest.fixture(scope='module')
def detector():
    """By method: the tiny RetinaNet, always with the same weights."""

    def built(method: str):
        torch.manual_seed(0)
        model = Contestant(method).build(lambda: build('RetinaNet')).train()
        if weights:
            model.load_state_dict(weights[0], strict=False)
        else:
            weights.append(model.state_dict())
        return model

    weights = []
    built('surge')
    return built


def test_literal_has_the_gradients_of_surge_at_constant_lambda(detector):
    surge, literal = detector('surge'), detector('literal')
    data = images(surge)
    with estimator(surge, fixed=LITERAL_SCALE):
        want = gradients(surge, data)
    found = gradients(literal, data)
    assert any(name.endswith('aux_weight') for name in want[1])
    compare(want, found)


def test_ste_in_autograd_has_the_gradients_of_ste(detector):
    plain, ordinary = detector('ste'), detector('ste-autograd')
    data = images(plain)
    assert not any('aux' in name for name, _ in ordinary.named_parameters())
    compare(gradients(plain, data), gradients(ordinary, data))


@pytest.mark.parametrize('method', ['fp32', 'ste', 'ste-autograd', 'literal', 'surge', 'config'])
def test_every_contestant_trains_convolution_and_linear(method):
    model = Contestant(method).build(make)
    model(torch.randn(2, 2, 5, 5)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
    binary = [m for m in model.modules() if isinstance(m, BinaryLayer)]
    assert len(binary) == (0 if method == 'fp32' else 2)
    has_aux = method in ('literal', 'surge', 'config')
    assert all(m.compensated == has_aux for m in binary)


def test_options_come_on_top_of_those_of_each_layer():
    contestant = Contestant.parse('surge:branch=tied,dtype=bfloat16')
    model = contestant.build(lambda: make(max_scale=2.0))
    for layer in (model[0], model[3]):
        assert layer.aux_weight is None and layer.compensated
        assert layer.branch.dtype is torch.bfloat16
        assert layer.ags.max_scale == 2.0
    assert make()[0].aux_weight is not None  # later models are left alone


def test_plain_layers_stay_plain():
    def mixed():
        return nn.Sequential(BinaryConv2d(2, 2, 1, surge=None), make())

    for method in ('surge', 'literal'):
        model = Contestant(method).build(mixed)
        assert not model[0].compensated and model[1][0].compensated


def test_literal_has_the_full_branch_in_float32():
    model = Contestant('literal').build(lambda: make(branch='tied', dtype='bfloat16'))
    assert model[0].aux_weight.shape == model[0].weight.shape


def test_steps_of_running_norms_are_closed():
    model = Contestant.parse('surge:mode=running').build(make)
    scalers = running_scalers(model)
    assert len(scalers) == 2 and not running_scalers(make())
    x = torch.randn(2, 2, 5, 5, requires_grad=True)
    model(x).square().sum().backward()
    close_steps(scalers)
    assert all(scaler.running[2] == 1 for scaler in scalers)


@pytest.mark.parametrize(
    'text, error',
    [
        ('fp16', 'Write --contestants fp32'),
        ('STE', 'Write --contestants ste'),
        ('branch=tied', "unknown method 'branch=tied'"),
        ('ste:branch=tied', 'Write --contestants ste surge:branch=tied'),
        ('surge:', 'is no option. Write --contestants surge:branch=tied'),
        ('surge:tied', "'tied' is no option"),
        ('surge:branch=tide', 'branch must be one of'),
        ('surge:brunch=tied', "unknown option 'brunch'"),
        ('surge:eta=-1', 'eta must be finite and >= 0'),
        ('surge:mode=batches', 'mode must be one of'),
    ],
)
def test_wrong_contestants_are_refused(text, error):
    with pytest.raises(ValueError) as raised:
        Contestant.parse(text)
    assert error in str(raised.value)


def test_models_without_layers_to_change_are_refused():
    with pytest.raises(ValueError, match='no binary layer. Name a config'):
        Contestant('fp32').build(lambda: nn.Sequential(nn.Conv2d(1, 1, 1)))
    with pytest.raises(ValueError, match='no layer of the model has SURGE'):
        Contestant('surge').build(lambda: nn.Sequential(BinaryConv2d(1, 1, 1, surge=None)))
    assert BinaryConv2d(1, 1, 1).compensated  # also after an error
