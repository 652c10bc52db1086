"""The shipped configs mean by a method what the list of methods means."""

import re

import pytest
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.methods import METHODS, find_method

WORDS = ('fp32', 'ste', 'surge', 'surge-polynomial')
CONFIGS = {
    path: word
    for folder in ('faster_rcnn', 'ssd', 'ablation')
    for path in sorted((ROOT / 'configs' / folder).glob('*.py'))
    for word in WORDS
    if f'_{word}_' in re.sub('_ste-[a-z]+_', '_ste_', path.stem)
}


def policies(node) -> list:
    """Every policy inside a config's model, whatever holds it."""
    if isinstance(node, (list, tuple)):
        return [found for value in node for found in policies(value)]
    if not isinstance(node, dict):
        return []
    own = [node['policy']] if 'policy' in node else []
    return own + [found for value in node.values() for found in policies(value)]


def test_every_word_has_configs():
    assert set(CONFIGS.values()) == set(WORDS)
    assert find_method('surge-polynomial') is METHODS['polynomial-surge']


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_policies_are_those_of_the_method(path):
    method = find_method(CONFIGS[path])
    found = policies(Config.fromfile(path).model)
    stated = [policy for policy in found if policy is not None]
    # The head of SSD stays real with every method.
    assert len(found) - len(stated) == (len(found) if method.layer is None else 'ssd' in path.stem)
    assert all(policy == method.policy() for policy in stated)
    assert found
