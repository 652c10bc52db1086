"""The config in a packed file: data, whatever somebody writes into it."""

import pytest
from deploy.packing import CONFIGS, KINDS, config
from mmengine.config import Config

from surge_mmdet.deploy.config_text import KEPT, from_text, to_text

SHIPPED = sorted(p for p in CONFIGS.rglob('*_surge*.py') if p.parent.name != 'pretrain')


@pytest.mark.parametrize('path', SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_config_is_data(path):
    cfg = Config.fromfile(path)
    text = to_text(cfg)
    found = from_text(text, 'x')
    assert set(found) <= set(KEPT) and 'train_dataloader' not in found
    assert 'init_cfg' not in text and "'pretrained'" not in text
    want = cfg.to_dict()
    assert found['test_dataloader'] == want['test_dataloader']
    assert found['model']['backbone']['type'] == want['model']['backbone']['type']


@pytest.mark.parametrize('kind', KINDS)
def test_the_text_is_a_config_file(kind):
    cfg = config(kind)
    again = Config.fromstring(to_text(cfg), '.py')
    assert to_text(again) == to_text(cfg)


def test_tuples_stay_tuples():
    text = to_text(Config(dict(model=dict(type='X', pair=(1, 2)), test_dataloader=dict(a=[3]))))
    found = from_text(text, 'x')
    assert found['model']['pair'] == (1, 2) and found['test_dataloader']['a'] == [3]


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "model = __import__('os').system('true')",
        "model = dict(type='X')",
        'model = [x for x in (1, 2)]',
        'model = 1; print(model)',
        'a = b = {}',
        'a.b = 1',
        'a[0] = 1',
        '(a, b) = (1, 2)',
        'model: dict = {}',
        'model = open',
        'model = ' + '[' * 1000,
        'model = ' + '-' * 50_000 + '1',
        'model = (',
        "_base_ = 'x.py'",
        'model = \0',
    ],
)
def test_what_is_no_data_is_refused(text):
    with pytest.raises(ValueError, match='a.safetensors: its config is no plain data'):
        from_text(text, 'a.safetensors')


@pytest.mark.parametrize(
    'kind',
    [
        'os.system',
        'subprocess.Popen',
        'mmengine.load',
        'mmdet.apis.init_detector',
        'surge_mmdet.Nothing',
        '__import__("os").system("true")',
        'nms(0) or print',
        '',
        7,
        None,
    ],
)
@pytest.mark.parametrize('place', ['{{"type": {0!r}}}', '[({{"a": {{"type": {0!r}}}}},)]'])
def test_types_that_no_registry_holds_are_refused(kind, place):
    """mmengine imports and calls them, mmcv evaluates the type of an NMS."""
    with pytest.raises(ValueError, match='is no registered name. Write the name alone'):
        from_text('model = ' + place.format(kind), 'x')


@pytest.mark.parametrize(
    'kind', ['RetinaNet', 'mmdet.RetinaNet', 'surge_mmdet.BinaryResNet', 'nms']
)
def test_registered_types_and_plain_names_are_accepted(kind):
    assert from_text(f'model = {{"type": {kind!r}}}', 'x')


def test_modules_of_custom_imports_are_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'my_own_layers.py').write_text('SEEN = True\n')
    line = "custom_imports = {'imports': ['my_own_layers'], 'allow_failed_imports': False}\n"
    from_text(line, 'x')
    import my_own_layers

    assert my_own_layers.SEEN
    with pytest.raises(ImportError):
        from_text(line.replace('own', 'other'), 'x')


@pytest.mark.parametrize('value', [float('inf'), object, {1, 2}.__class__, len])
def test_values_that_are_no_data_are_refused_when_packing(value):
    cfg = Config(dict(model=dict(type='X'), test_dataloader=dict(a=1)))
    cfg.model.value = value
    with pytest.raises(ValueError, match='the config: its config is no plain data'):
        to_text(cfg)


def test_a_config_without_its_test_is_refused():
    with pytest.raises(ValueError, match='has no test_dataloader. Name the whole config'):
        to_text(Config(dict(model=dict(type='X'))))
