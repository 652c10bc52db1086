"""The lines of a config that pages of methods show are built, and a slip in them is found."""

import re

import pytest
from conftest import ROOT
from doc_configs import build, read_config, unknown_keys
from mmengine.config import Config

from surge_mmdet.analysis.method_pages import detector_methods, method_page, snippets
from surge_mmdet.analysis.method_pages.networks import NETWORKS
from surge_mmdet.methods import METHODS

GUIDE = 'docs/guides/distillation.md'
LINES = snippets((ROOT / GUIDE).read_text())
STE = 'configs/faster_rcnn/faster-rcnn_r18_fpn128_ste_12e_bccd.py'
WORDS = [word for method in detector_methods() for word in method.types]
FENCE = re.compile(r'^```python\n(.*?)^```$', re.M | re.S)


def wrong_keys(base: str, code: str) -> list:
    """Keys of a part of a config that mean nothing in the config it inherits from."""
    own: dict = {}
    exec(code, own)
    return unknown_keys({'model': own['model']}, read_config(base, ROOT).to_dict())


def with_word(word: str) -> list:
    return [each for each in LINES if f"'{word}'" in each.code]


@pytest.mark.parametrize('word', WORDS)
def test_every_loss_has_lines_in_the_guide_and_a_slip_in_them_is_found(word):
    assert with_word(word)
    for each in with_word(word):
        assert not wrong_keys(each.base, each.code)
        for line in (f"type='{word}', wieght=1.0", f"type='{word}', temprature=1.0"):
            (slip,) = wrong_keys(each.base, re.sub(f"type='{word}'", line, each.code))
            assert slip.rpartition('.')[2] in ('wieght', 'temprature')


@pytest.mark.parametrize('each', LINES, ids=lambda each: each.heading)
def test_the_file_that_a_page_shows_is_a_config(each, tmp_path):
    """Beside its base, under any name; test_commands.py builds the same lines of the guide."""
    child = tmp_path / 'mine.py'
    child.write_text(each.file.replace("'./", f"'{(ROOT / each.base).parent}/"))
    cfg, base = Config.fromfile(child), read_config(each.base, ROOT)
    assert cfg.to_dict() != base.to_dict()
    own: dict = {}
    exec(each.code, own)
    for key in ('type', 'distillation', 'losses'):
        if key in own['model']:
            assert cfg.model[key] == own['model'][key]


def test_ssd_takes_proposals_of_lower_scores():
    (ssd,) = (each for each in with_word('surge_mmdet.IDaDet') if '/ssd' in each.base)
    own: dict = {}
    exec(ssd.code, own)
    assert own['model']['distillation'][0]['score_thr'] == 0.3


@pytest.mark.parametrize('name', NETWORKS)
def test_the_lines_of_a_network_are_built(name):
    """The policy of the page and its other half, in a detector."""
    policy, model = FENCE.findall(method_page(METHODS[name], {}, {}))
    network, own = NETWORKS[name], {}
    exec(policy.split('#')[0] + model, own)
    cfg = read_config(STE, ROOT)
    assert not unknown_keys({'model': own['model']}, cfg.to_dict())
    assert unknown_keys({'model': {'backbone': {'act_cgf': {}}}}, cfg.to_dict())
    cfg.merge_from_dict({'model': own['model']})
    for part in ('backbone', 'neck', 'rpn_head'):
        cfg.model[part].policy = own['policy']
    kinds = {type(module).__name__ for module in build(cfg).modules()}
    rule = own['policy']['layer']['activation']['type']
    assert {rule, network.kind.__name__} <= kinds
