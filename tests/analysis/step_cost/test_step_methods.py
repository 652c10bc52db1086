"""Methods of the step benchmarks: what they change, and what they leave."""

import pytest
import torch
from conftest import ROOT
from models.tiny_detectors import build, images
from torch import nn

from surge_mmdet.analysis.fidelity.methods import ConstantScaler
from surge_mmdet.analysis.loading import build_model, load_config
from surge_mmdet.analysis.step_cost import OTHERS, parse_method, train_by
from surge_mmdet.analysis.step_cost.forms import LITERAL_SCALE
from surge_mmdet.layers import BinaryConv2d, BinaryLayer, BinaryLinear
from surge_mmdet.methods import METHODS
from surge_mmdet.surge.extensions import close_steps, running_scalers

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
    made = train_by(config_model(name.format('surge')), parse_method(method))
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
        model = train_by(build('RetinaNet'), parse_method(method)).train()
        if weights:
            model.load_state_dict(weights[0], strict=False)
        else:
            weights.append(model.state_dict())
        return model

    weights = []
    built('surge')
    return built


@pytest.fixture
def one_forward(monkeypatch):
    """Ordinary autograd has no kernels, and a sign that rounding flips changes all behind it."""
    monkeypatch.setenv('SURGE_KERNEL', 'torch')


def test_literal_has_the_gradients_of_surge_at_constant_lambda(detector, one_forward):
    surge, literal = detector('surge'), detector('literal')
    data = images(surge)
    for layer in surge.modules():
        if isinstance(layer, BinaryLayer) and layer.compensated:
            layer.ags = ConstantScaler(LITERAL_SCALE)
    want = gradients(surge, data)
    found = gradients(literal, data)
    assert any(name.endswith('aux_weight') for name in want[1])
    compare(want, found)


def test_ste_in_autograd_has_the_gradients_of_ste(detector, one_forward):
    plain, ordinary = detector('ste'), detector('ste-autograd')
    data = images(plain)
    assert not any('aux' in name for name, _ in ordinary.named_parameters())
    compare(gradients(plain, data), gradients(ordinary, data))


def square() -> nn.Sequential:
    """As :func:`make`, of a size that every branch takes."""
    torch.manual_seed(0)
    return nn.Sequential(BinaryConv2d(8, 8, 3, padding=1), nn.Flatten())


@pytest.mark.parametrize('word', [*METHODS, *OTHERS])
def test_every_method_trains(word):
    method = parse_method(word)
    model = train_by(square(), method)
    model(torch.randn(2, 8, 5, 5)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
    binary = [m for m in model.modules() if isinstance(m, BinaryLayer)]
    assert len(binary) == (0 if method.layer is None else 1)
    assert all(m.compensated == method.has_surge for m in binary)


@pytest.mark.parametrize('word', ['fp32', 'ste', 'ste-autograd', 'literal', 'surge', 'tied'])
def test_convolution_and_linear_share_their_parameters_with_the_twin(word):
    model, before = make(), make()
    before.load_state_dict(model.state_dict())
    parameters = [model[0].weight, model[0].bias, model[3].weight, model[3].bias]
    train_by(model, parse_method(word))
    after = [model[0].weight, model[0].bias, model[3].weight, model[3].bias]
    assert all(old is new for old, new in zip(parameters, after, strict=True))
    x = torch.randn(2, 2, 5, 5)
    if word != 'fp32':
        torch.testing.assert_close(model(x), before(x), rtol=1e-5, atol=1e-5)


def test_options_come_on_top_of_those_of_each_layer():
    model = train_by(make(max_scale=2.0), parse_method('surge:branch=tied,dtype=bfloat16'))
    for layer in (model[0], model[3]):
        assert layer.aux_weight is None and layer.compensated
        assert layer.branch.dtype is torch.bfloat16
        assert layer.ags.max_scale == 2.0


@pytest.mark.parametrize('word, eta', [('surge', 0.2), ('tied', 0.2), ('surge:eta=0.3', 0.3)])
def test_the_strength_is_that_of_the_layer_unless_it_is_said(word, eta):
    model = nn.Sequential(BinaryConv2d(4, 4, 1, surge=dict(eta=0.2)))
    assert train_by(model, parse_method(word))[0].ags.eta == eta


def test_a_surrogate_comes_with_the_method_that_names_it():
    kinds = [
        type(train_by(square(), parse_method(word))[0].activation).__name__
        for word in ('surge', 'polynomial', 'polynomial-surge')
    ]
    assert kinds == ['SignSTE', 'SignPolynomial', 'SignPolynomial']


def test_plain_layers_stay_plain():
    for word in ('surge', 'literal', 'tied'):
        model = nn.Sequential(BinaryConv2d(2, 2, 1, surge=None), make())
        train_by(model, parse_method(word))
        assert not model[0].compensated and model[1][0].compensated


def test_config_changes_nothing():
    model = make()
    layers = list(model)
    assert list(train_by(model, parse_method('config'))) == layers


def test_literal_has_the_full_branch_in_float32():
    model = train_by(make(branch='tied', dtype='bfloat16'), parse_method('literal'))
    assert model[0].aux_weight.shape == model[0].weight.shape


def test_steps_of_running_norms_are_closed():
    model = train_by(make(), parse_method('surge:mode=running'))
    scalers = running_scalers(model)
    assert len(scalers) == 2 and not running_scalers(make())
    x = torch.randn(2, 2, 5, 5, requires_grad=True)
    model(x).square().sum().backward()
    close_steps(scalers)
    assert all(scaler.running[2] == 1 for scaler in scalers)


def test_labels_are_those_of_the_tables():
    words = ('STE', 'surge-polynomial', 'literal', 'surge:branch=tied,dtype=bfloat16')
    assert [parse_method(word).label for word in words] == [
        'STE',
        'polynomial + SURGE',
        'SURGE, literal',
        'SURGE, branch=tied, dtype=bfloat16',
    ]


@pytest.mark.parametrize(
    'text, error',
    [
        ('fp16', 'Write --methods fp32'),
        ('Ste-autograd', 'Write --methods ste-autograd'),
        ('branch=tied', "unknown 'branch=tied'"),
        ('ste:branch=tied', 'Write --methods ste surge:branch=tied'),
        ('tied:branch=full', 'only surge has options'),
        ('surge:', 'is no option. Write --methods surge:branch=tied'),
        ('surge:tied', "'tied' is no option"),
        ('surge:branch=tide', 'branch must be one of'),
        ('surge:brunch=tied', "unknown option 'brunch'"),
        ('surge:eta=-1', 'eta must be finite, >= 0'),
        ('surge:mode=batches', 'mode must be one of'),
        ('surge:combine=blind', 'removed after 0.2'),
    ],
)
def test_wrong_methods_are_refused(text, error):
    with pytest.raises(ValueError) as raised:
        parse_method(text)
    assert error in str(raised.value)


def test_models_without_layers_to_change_are_refused():
    with pytest.raises(ValueError, match='no binary layer. Name a config'):
        train_by(nn.Sequential(nn.Conv2d(1, 1, 1)), parse_method('fp32'))
    plain = nn.Sequential(BinaryConv2d(1, 1, 1, surge=None))
    with pytest.raises(ValueError, match='no layer of the model has SURGE'):
        train_by(plain, parse_method('surge'))
