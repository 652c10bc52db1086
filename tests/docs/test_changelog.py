"""The changelog names what a user writes, and what is no longer there."""

import re

import pytest
import yaml
from conftest import ROOT

from surge_mmdet import __version__
from surge_mmdet.engine import hooks
from surge_mmdet.surge.config import RETIRED

TEXT = (ROOT / 'CHANGELOG.md').read_text()
NEW = TEXT.partition('\n## 0.2.0')[0]  # 0.3.0 and what came after it
TOOLS = [path.name for path in (ROOT / 'tools').glob('*/*.py') if path.parent.name != 'plans']


@pytest.mark.parametrize('word', [*hooks.__all__, *TOOLS])
def test_every_hook_and_tool_is_announced(word):
    assert f'`{word}`' in TEXT or f'/{word}`' in TEXT


def test_what_is_gone_is_announced_as_gone():
    gone = next(part for part in NEW.split('\n- ') if 'removed after 0.2' in part)
    for option in RETIRED:
        assert f'`{option}`' in gone or f'`{option.removesuffix("=True")}`' in gone
        assert f'`{option}`' not in NEW.replace(gone, '')


def test_the_paths_it_names_exist():
    for path in re.findall(r'`((?:tools|surge_mmdet|configs)/[\w./-]+)`', NEW):
        assert (ROOT / path).exists(), path


def test_the_newest_release_is_this_version():
    """One place says which version this is; what else names it agrees."""
    release, date = re.search(r'^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$', TEXT, re.M).groups()
    assert release == __version__
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert (citation['version'], str(citation['date-released'])) == (release, date)
