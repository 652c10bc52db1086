"""Code blocks of the documents as their reader meets them: saved, and run one after the other."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from doc_blocks import LOGS, MARKED, blocks
from doc_recorder import prepare, record

# What is no whole file may use variables of the blocks before it, and import for those behind it.
PARTS = 'parts/**:F401,parts/**:F821'
LINT = (
    ('check', '--no-cache', '--output-format', 'concise', '--extend-per-file-ignores', PARTS),
    ('format', '--no-cache', '--check'),
)


def test_python_is_in_the_style_of_the_code(tmp_path):
    """What a page has its reader write passes `make lint` at once."""
    (tmp_path / 'surge_mmdet').symlink_to(ROOT / 'surge_mmdet')  # sorted as our own import
    shutil.copy(ROOT / 'pyproject.toml', tmp_path)
    for page in [*MARKED, *LOGS]:
        for block in blocks(page):
            if block.language == 'python':
                lone = f'parts/{page.parent.name}/{page.stem}_{block.line}.py'
                file = tmp_path / (block.rest if block.word == 'file' else lone)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.code)
    problems = [text for line in LINT for text in refused(line, tmp_path)]
    assert not problems, '\n'.join(problems)
    (tmp_path / 'wrong.py').write_text('import torch\nimport os\nx = "a"\n')
    assert all(refused(line, tmp_path) for line in LINT)


def refused(line: tuple, folder) -> list:
    """What ruff says of a folder, if it does not pass."""
    done = subprocess.run(
        [sys.executable, '-m', 'ruff', *line, '.'], cwd=folder, capture_output=True, text=True
    )
    return [done.stdout + done.stderr] if done.returncode else []


def test_a_block_that_stays_in_another_folder_is_noticed(tmp_path):
    prepare(tmp_path)
    assert record('(cd configs && python x.py)', tmp_path)
    with pytest.raises(AssertionError, match=f'ends in {tmp_path}/configs'):
        record('cd configs && python x.py', tmp_path)


@pytest.mark.parametrize('images', [2, 9, 104])
def test_own_pictures_are_split_whatever_their_number(images, tmp_path):
    """Every image into one of two lists, a fifth (rounded up) for the evaluation."""
    (block,) = (b for b in blocks(ROOT / 'docs/guides/own_data.md') if 'ls Annotations' in b.code)
    prepare(tmp_path)
    base = tmp_path / 'data/mine/VOCdevkit/VOC2007'
    (base / 'Annotations').mkdir(parents=True)
    names = {f'photo {number}' for number in range(images)}
    for each in names:
        (base / f'Annotations/{each}.xml').touch()
    record(block.code, tmp_path)
    train, val = (
        (base / f'ImageSets/Main/{part}.txt').read_text().splitlines() for part in ('train', 'val')
    )
    assert len(train) + len(val) == images and {*train, *val} == names
    assert len(val) == -(-images // 5)
