"""Small networks under many conditions: trainings, choice of rates, table."""

import json
from dataclasses import replace
from types import MappingProxyType

import pytest
import torch

from surge_mmdet.analysis.regimes import REGIMES, Screening, find_regime, regimes_table
from surge_mmdet.analysis.regimes import compare as compare_module
from surge_mmdet.analysis.regimes import regime as regime_module
from surge_mmdet.analysis.regimes.compare import TUNING_SEEDS
from surge_mmdet.analysis.regimes.digits import HELD_OUT, TRAIN, split
from surge_mmdet.analysis.regimes.network import Stage, build, middle_layers
from surge_mmdet.analysis.regimes.training import Trained, accuracy, fit, look, start_from, train
from surge_mmdet.layers import BinaryConv2d

SHORT = replace(REGIMES['shortcuts'], name='short', depth=2, images=100, epochs=1)


def test_the_three_parts_share_no_image_and_are_everything():
    parts = [split(part)[0] for part in ('train', 'held out', 'test')]

    assert [len(part) for part in parts] == [TRAIN, HELD_OUT, 797]
    assert abs(torch.cat(parts).mean().item()) < 1e-5


@pytest.mark.parametrize('name', REGIMES)
def test_each_regime_is_one_change_away_and_builds(name):
    regime = REGIMES[name]
    network = build(regime, dict(surge=None))

    layers = middle_layers(network)
    assert len(layers) == regime.depth
    assert all(isinstance(layer, BinaryConv2d) for layer in layers)
    stages = [stage for stage in network if isinstance(stage, Stage)]
    assert [stage.shortcut for stage in stages] == [False] + [regime.shortcuts] * regime.depth
    assert all((stage.norm.weight == regime.gamma).all() for stage in stages)
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_real_layers_stand_in_the_same_places():
    assert not [
        layer for layer in middle_layers(build(SHORT, None)) if isinstance(layer, BinaryConv2d)
    ]


def test_a_shortcut_adds_its_input():
    conv = torch.nn.Conv2d(2, 2, 1, bias=False)
    torch.nn.init.zeros_(conv.weight)
    x = torch.rand(1, 2, 3, 3)

    assert torch.equal(Stage(conv, True)(x), x)
    assert not Stage(conv, False)(x).any()


@pytest.mark.parametrize('optimizer', ['AdamW', 'SGD'])
@pytest.mark.parametrize('method', ['fp32', 'ste', 'surge', 'tied', 'norm-preserving'])
def test_a_training_repeats_and_learns(method, optimizer):
    regime = replace(SHORT, optimizer=optimizer, images=400, epochs=8)
    lr = regime.rates[1]

    found = train(regime, method, lr, 3, 'held out')
    assert found == train(regime, method, lr, 3, 'held out')
    assert found.accuracy > 0.25  # 0.1 by chance
    assert not found.diverged
    assert found.growth > 0


def test_a_seed_gives_all_methods_the_same_start():
    starts = []
    for layer in (dict(surge=None), dict(surge=dict(eta=0.3))):
        torch.manual_seed(5)
        starts.append(middle_layers(build(SHORT, layer))[0].weight)

    assert torch.equal(*starts)


@pytest.mark.parametrize('method', ['surge', 'tied', 'norm-preserving'])
def test_a_larger_eta_reaches_the_layers(method):
    network = fit(replace(SHORT, eta=1.0), method, 3e-3, 1)

    assert [layer.surge.eta for layer in middle_layers(network)] == [1.0] * SHORT.depth


def test_methods_without_surge_have_no_eta():
    regimes = SHORT, replace(SHORT, eta=1.0)
    assert len({train(regime, 'polynomial', 3e-3, 1, 'test') for regime in regimes}) == 1


def test_a_real_start_is_the_trained_twin():
    twin, started = fit(SHORT, 'fp32', 3e-3, 1), build(SHORT, dict(surge=dict(eta=0.3)))
    start_from(started, twin)
    theirs = started.state_dict()
    assert all(torch.equal(theirs[name], value) for name, value in twin.state_dict().items())
    with_steps = replace(SHORT, images=400, epochs=4)
    head_start = train(replace(with_steps, real_start=True), 'ste', 3e-3, 1, 'held out')
    assert head_start.accuracy > train(with_steps, 'ste', 3e-3, 1, 'held out').accuracy


def test_what_starts_from_a_twin_that_diverged_has_diverged(monkeypatch):
    monkeypatch.setattr(regime_module, 'OPTIMIZERS', {'AdamW': (1e-3, float('inf'), 1e-2)})
    steep = replace(SHORT, name='steep', real_start=True)  # the twin takes the middle rate
    assert train(steep, 'ste', 1e-3, 1, 'test') == Trained(0.0, True, 0.0, 0.0)


def test_a_twin_that_does_not_fit_is_refused():
    deeper = build(replace(SHORT, depth=3), None)
    with pytest.raises(ValueError, match='the network has no'):
        start_from(build(SHORT, dict(surge=None)), deeper)


def test_a_loss_that_is_not_finite_ends_the_training():
    found = train(replace(SHORT, optimizer='SGD', epochs=8), 'fp32', 1e20, 1, 'test')

    assert found == Trained(0.0, True, 0.0, 0.0)


def test_look_counts_values_beyond_one_and_leaves_no_hook():
    network = build(replace(SHORT, gamma=100.0, shortcuts=False), dict(surge=None))
    images, labels = split('train')

    outside, growth = look(network, images[:20], labels[:20])
    assert outside > 0.7  # PReLU's slope of 0.25 on one side, deviation 100 on the other
    assert growth >= 0
    assert not any(layer._forward_pre_hooks for layer in middle_layers(network))
    assert 0 <= accuracy(network, images, labels) <= 1


@pytest.fixture
def counted(monkeypatch):
    """A screening trains nothing: accuracies by rule, and the trials that were asked for."""
    asked = []

    def run(trial):
        asked.append(trial)
        gain = dict(ste=0.0, surge=0.1)[trial.method]
        return Trained(0.5 + gain + trial.seed / 100 - abs(trial.lr - 3e-3), False, 0.3, 2.0)

    monkeypatch.setattr(compare_module.Trial, 'run', run)
    return asked


def test_rates_are_chosen_on_tuning_seeds_and_held_out_images(counted, tmp_path):
    screening = Screening(['shortcuts'], ['ste', 'surge'], [1, 2], tmp_path / 'r.json')
    list(screening.work())

    tuning = [trial for trial in counted if trial.seed in TUNING_SEEDS]
    assert {trial.part for trial in tuning} == {'held out'}
    assert len(tuning) == 2 * len(TUNING_SEEDS) * len(REGIMES['shortcuts'].rates)
    fresh = [trial for trial in counted if trial.seed not in TUNING_SEEDS]
    assert {(trial.part, trial.lr) for trial in fresh} == {('test', 3e-3)}


def test_what_is_done_is_not_done_again(counted, tmp_path):
    file = tmp_path / 'r.json'
    list(Screening(['shortcuts'], ['ste', 'surge'], [1, 2], file).work())
    before = len(counted)

    list(Screening(['shortcuts'], ['ste', 'surge'], [1, 2, 3], file).work())
    assert [(trial.method, trial.seed) for trial in counted[before:]] == [('ste', 3), ('surge', 3)]
    assert len(json.loads(file.read_text())) == len(counted)


def test_the_table_pairs_seeds_and_marks_what_is_resolved(counted, tmp_path, monkeypatch):
    screening = Screening(['shortcuts'], ['ste', 'surge'], [1, 2, 3], tmp_path / 'r.json')
    list(screening.work())
    noise = iter([0.001, 0.0, -0.001])
    for trial in screening._fresh(*[each[-1] for each in (screening.regimes, screening.methods)]):
        found = screening.done[trial.key]
        screening.done[trial.key] = replace(found, accuracy=found.accuracy + next(noise))

    base, other = regimes_table(screening).as_dict()['rows']
    assert 'difference' not in base
    assert other['difference'][0] == pytest.approx(0.1)
    assert other['difference'][1] == pytest.approx(4.303 * 0.001 / 3**0.5, rel=1e-3)
    assert other['bold'] == ['difference']
    assert other['p'] < 0.05


@pytest.mark.parametrize(
    ('regimes', 'methods', 'seeds', 'line'),
    [
        (['no shortcut'], ['ste'], [1], "--regimes 'no shortcuts'"),
        (['SGD'], ['stee'], [1], 'ste'),
        (['SGD'], ['ste', 'ste'], [1], '--methods ste'),
        (['SGD'], ['ste'], [1, 1], '--seeds 1'),
        (['SGD'], ['ste'], [], '--seeds 1 2 3'),
        (['SGD'], ['ste'], [0, 1], '--seeds 1 2 3'),
        (['SGD'], ['ste'], [101], '--seeds 1 2 3'),
    ],
)
def test_wrong_words_show_the_line(regimes, methods, seeds, line, tmp_path):
    with pytest.raises(ValueError, match=line):
        Screening(regimes, methods, seeds, tmp_path / 'r.json')


@pytest.mark.parametrize('content', ['{', '[1]', '{"a": {"b": 1}}', '{"a": 1}'])
def test_another_file_of_results_is_refused_and_kept(content, tmp_path):
    file = tmp_path / 'r.json'
    file.write_text(content)

    with pytest.raises(ValueError, match='--results'):
        Screening(['SGD'], ['ste'], [1], file)
    assert file.read_text() == content


def test_the_command_writes_a_record(tmp_path, monkeypatch, capsys):
    import runpy
    import sys
    from pathlib import Path

    monkeypatch.setattr(regime_module, 'REGIMES', MappingProxyType({'short': SHORT}))
    root = Path(__file__).resolve().parents[3]
    monkeypatch.setattr(
        sys,
        'argv',
        [
            'regimes.py', '--regimes', 'short', '--methods', 'ste', 'surge', '--seeds', '1', '2',
            '--results', str(tmp_path / 'r.json'), '--record', str(tmp_path / 'table.json'),
        ],
    )  # fmt: skip
    runpy.run_path(str(root / 'tools/benchmark/regimes.py'), run_name='__main__')

    assert '| short | SURGE |' in capsys.readouterr().out
    record = json.loads((tmp_path / 'table.json').read_text())
    assert record['tables']['regimes']['rows'][0]['method'] == 'STE'
    assert find_regime('short') is SHORT
