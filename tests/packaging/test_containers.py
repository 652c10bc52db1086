"""The recipes of containers: small, pinned, without rights and without secrets."""

import re
import shutil
import subprocess

import pytest
from conftest import ROOT

RECIPES = sorted((ROOT / 'docker').glob('*.Dockerfile'))
SCRIPT = ROOT / 'docker/install.sh'
each_recipe = pytest.mark.parametrize('recipe', RECIPES, ids=lambda path: path.name)


def instructions(recipe) -> list:
    """(name, rest) of each, continued lines joined, comments left out."""
    text = re.sub(r'^\s*#.*\n', '', recipe.read_text(), flags=re.M).replace('\\\n', ' ')
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def stages(recipe) -> list:
    """The instructions of each stage."""
    found = []
    for name, rest in instructions(recipe):
        if name == 'FROM':
            found.append([])
        found[-1].append((name, rest))
    return found


def context() -> tuple:
    """What .dockerignore lets in, and what it takes out again."""
    lines = [
        line
        for line in (ROOT / '.dockerignore').read_text().splitlines()
        if line and not line.startswith('#')
    ]
    assert lines[0] == '*'
    return [line[1:] for line in lines if line[0] == '!'], [ln for ln in lines[1:] if ln[0] != '!']


def test_there_is_one_for_a_cpu_and_one_for_cuda():
    assert [recipe.stem for recipe in RECIPES] == ['cpu', 'cuda']


@each_recipe
def test_hadolint_finds_nothing(recipe):
    if not shutil.which('hadolint'):
        pytest.skip('hadolint is not here: pip install -r requirements/release.txt')
    done = subprocess.run(['hadolint', recipe], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


@each_recipe
def test_the_last_stage_has_no_compiler_and_no_rights(recipe):
    first, last = stages(recipe)
    for stage in (first, last):
        image = stage[0][1].split(' AS ')[0]
        assert re.fullmatch(r'[\w/]+:[\w.-]*\d[\w.-]*', image), f'{image} is not pinned'
    assert not [rest for _, rest in last if re.search(r'build-essential|-dev\b|g\+\+', rest)]
    assert ('COPY', '--from=build /opt/venv /opt/venv') in last
    names = [name for name, _ in last]
    (user,) = [rest for name, rest in last if name == 'USER']
    assert re.fullmatch(r'([1-9]\d*):\1', user)
    assert f'--uid {user.split(":")[0]} ' in ' '.join(rest for _, rest in last)
    assert names.index('USER') > max(i for i, name in enumerate(names) if name == 'RUN')
    assert not [rest for _, rest in last if 'chmod' in rest or 'sudo' in rest]


@each_recipe
def test_what_it_copies_is_in_the_context(recipe):
    inside, _ = context()
    for name, rest in instructions(recipe):
        if name == 'COPY' and '--from' not in rest and not rest.startswith('.'):
            *sources, _ = rest.split()
            for source in sources:
                assert (ROOT / source).exists() and source.split('/')[0] in inside, source
    text = recipe.read_text() + SCRIPT.read_text()
    assert not re.search(r'(?i)password|token|secret|https?://|--trusted-host', text)


def test_the_context_has_what_a_build_needs_and_nothing_of_a_person():
    inside, outside = context()
    assert all((ROOT / name).exists() for name in inside)
    for name in ('setup.py', 'pyproject.toml', 'README.md', 'MANIFEST.in', 'surge_mmdet'):
        assert name in inside
    assert not {'data', 'work_dirs', '.git', '.venv', 'tests'} & set(inside)
    assert {'surge_mmdet/.mim', '**/__pycache__', '**/*.so'} <= set(outside)


def test_both_install_the_tested_versions():
    text = SCRIPT.read_text()
    assert "TESTED='-c requirements/constraints.txt'" in text
    installs = re.findall(r'pip install(?:[^\n]*\\\n)*[^\n]*', text)
    assert len(installs) == 4
    for line in installs:
        assert '$TESTED' in line or line.endswith('--no-deps .')
    for name in re.findall(r'-r (\S+)', text):
        assert (ROOT / name).is_file()
    assert subprocess.run(['sh', '-n', SCRIPT]).returncode == 0
    assert 'compiled_kernels()' in text  # an image without kernels is none


def test_cuda_of_the_image_is_that_of_torch():
    """PyTorch 2.13 of the package index is made with CUDA 13.0."""
    pins = (ROOT / 'requirements/constraints.txt').read_text()
    images = {stage[0][1].split(' AS ')[0] for stage in stages(ROOT / 'docker/cuda.Dockerfile')}
    assert re.search(r'^torch==2\.13\.0$', pins, re.M)
    assert all(image.startswith('nvidia/cuda:13.0.') for image in images)
    assert len({image.rsplit('-', 1)[1] for image in images}) == 1  # one Python in both
