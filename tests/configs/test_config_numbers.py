"""Operations and sizes in the configs' READMEs are those that were counted."""

import json
import re

import pytest
from conftest import ROOT

RECORD = ROOT / 'docs/results/complexity_zoo.json'
COUNTED = {
    row['name']: row for row in json.loads(RECORD.read_text())['tables']['detectors']['rows']
}


def counted(name: str) -> str:
    """The config whose operations were counted for this one's structure."""
    return re.sub('_(fp32|ste|ste-[a-z]+|recipe)_', '_surge_', name)


def names(pattern: str) -> list:
    """Configs that a cell such as ``a_{ste,surge}_b.py`` names."""
    match = re.search(r'\{([^}]+)\}', pattern)
    if not match:
        return [pattern]
    return [pattern.replace(match[0], word) for word in match[1].split(',')]


def readme_rows() -> list:
    """(config, FP32 or not, [OPs G, BOPs G, MB] as printed)."""
    found = []
    for folder in ('faster_rcnn', 'ssd'):
        for line in (ROOT / 'configs' / folder / 'README.md').read_text().splitlines():
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            if line.startswith('| `'):
                stem = cells[0].strip('`').removesuffix('.py')
                found += [(name, cells[4:7]) for name in names(stem)]
    return found


ROWS = [(name, cells) for name, cells in readme_rows() if counted(name) in COUNTED]


def test_every_counted_detector_is_listed():
    assert {name for name, _ in ROWS} >= set(COUNTED)


@pytest.mark.parametrize('name, cells', ROWS, ids=[name for name, _ in ROWS])
def test_printed_numbers_are_those_of_the_record(name, cells):
    row = COUNTED[counted(name)]
    if '_fp32_' in name:
        exact = (row['fp32_flops'] / 1e9, 0, row['fp32_megabytes'])
    else:
        exact = (row['ops'] / 1e9, row['bops'] / 1e9, row['megabytes'])
    for text, value in zip(cells, exact, strict=True):
        decimals = len(text.partition('.')[2])
        assert text == f'{value:.{decimals}f}'
