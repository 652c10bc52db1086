"""Configs, checkpoints and numbers of release 0.2.0 on today's code."""

import pytest
import torch
from mmengine.config import Config

from compat import scenarios

CLOSE = dict(rtol=1e-9, atol=1e-12)
# Half precision rounds otherwise on processors with other instructions.
ROUNDED = dict(rtol=1e-2, atol=1e-2)
# A buffer of mode='running' that every extension had in 0.2.0.
GONE = 'ags.running'


@pytest.fixture(scope='module')
def golden():
    return torch.load(scenarios.GOLDEN / 'layers.pth', weights_only=True)


@pytest.mark.parametrize('name', scenarios.layer_names())
def test_a_layer_trains_as_in_0_2(golden, name):
    found, expected = scenarios.train_layer(name), golden[name]
    lost = set(expected) - set(found)
    assert set(found) <= set(expected)
    assert all(key.endswith(GONE) for key in lost) and ('running' in name) <= (not lost)
    for key, value in found.items():
        tolerance = ROUNDED if 'bfloat16' in name else CLOSE
        if 'statistics' in key:  # float32
            tolerance = dict(rtol=1e-2 if 'bfloat16' in name else 1e-5, atol=1e-6)
        torch.testing.assert_close(value, expected[key], **tolerance)


@pytest.mark.parametrize('name', scenarios.layer_names())
def test_a_state_dict_of_0_2_loads_strictly(golden, name):
    layer, x = scenarios.build_layer(name)
    layer.load_state_dict(
        {k.removeprefix('state.'): v for k, v in golden[name].items() if k.startswith('state.')}
    )
    torch.testing.assert_close(layer.eval()(x).detach(), golden[name]['eval'], **CLOSE)


def test_a_config_and_a_checkpoint_of_0_2_train_on_with_the_same_losses(tmp_path):
    stored = torch.load(scenarios.GOLDEN / 'detections.pth', weights_only=True)['second']
    fresh = scenarios.detector_config(tmp_path)  # makes the data
    text = (scenarios.GOLDEN / 'detector.txt').read_text().replace('FOLDER', str(tmp_path))
    (tmp_path / 'old.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'old.py')
    assert cfg.model.type == fresh.model.type
    found = scenarios.run_detector(cfg, tmp_path / 'run', 2, scenarios.GOLDEN / 'detector.pth')
    assert set(found) == set(stored)
    for key, value in found.items():
        torch.testing.assert_close(value, stored[key], rtol=1e-3, atol=1e-3)
