"""What is published: source distribution, wheel, and a fresh environment with it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from distributions import MIM, build, copy_source, expected, wheel_of
from markdown_it import MarkdownIt

from surge_mmdet import __version__
from surge_mmdet.shipped import SHIPPED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
COMPILED = 'surge_mmdet/kernels/_C.abi3.so'


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    return copy_source(tmp_path_factory.mktemp('source'))


@pytest.fixture(scope='module')
def archive(source):
    return build(source, 'sdist')


@pytest.fixture(scope='module')
def wheel(archive, tmp_path_factory):
    """Made of the source distribution, so both are tried."""
    if not shutil.which('g++'):
        pytest.skip('g++ is not here: a wheel without kernels is none to publish')
    return wheel_of(archive, tmp_path_factory.mktemp('wheel'))


@pytest.fixture(scope='module')
def metadata(wheel):
    with zipfile.ZipFile(wheel) as inside:
        (name,) = [n for n in inside.namelist() if n.endswith('.dist-info/METADATA')]
        return HeaderParser().parsestr(inside.read(name).decode())


def without_checkout() -> dict:
    """The variables of a shell that knows nothing of this folder."""
    return {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}


@pytest.fixture(scope='module')
def fresh(wheel, tmp_path_factory):
    """Python of a new environment with the wheel.

    What the package needs is taken from this environment by a ``.pth`` file,
    since it takes gigabytes and half an hour to install.
    """
    folder = tmp_path_factory.mktemp('fresh')
    venv.create(folder, with_pip=False)
    python = folder / 'bin/python'
    install = ('-m', 'pip', '--python', str(python), 'install', '-q', '--no-deps', '--no-index')
    subprocess.run([sys.executable, *install, str(wheel)], check=True, env=without_checkout())
    (site,) = folder.glob('lib/python*/site-packages')
    others = [p for p in sys.path if p.endswith('site-packages')]
    (site / 'stack.pth').write_text('\n'.join(others))
    return python


@pytest.fixture
def run(fresh, tmp_path):
    """Run the new environment's Python in an empty folder; its output."""

    def start(*arguments):
        done = subprocess.run(
            [fresh, *map(str, arguments)],
            cwd=tmp_path,
            env=without_checkout(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return start


def place_of(fresh) -> Path:
    (package,) = fresh.parents[1].glob('lib/python*/site-packages/surge_mmdet')
    return package


def test_the_wheel_has_every_file_of_the_checkout(wheel, source):
    with zipfile.ZipFile(wheel) as inside:
        names = {n for n in inside.namelist() if '.dist-info/' not in n and not n.endswith('/')}
        want = expected(source)
        assert names == {*want, COMPILED}
        changed = [name for name, path in want.items() if inside.read(name) != path.read_bytes()]
        assert not changed
    assert 'surge_mmdet/py.typed' in names  # else types are ignored
    for name in ('configs/faster_rcnn/faster-rcnn_r18_fpn_ste_4x3e_voc0712.py', 'tools/train.py'):
        assert MIM + name in names
    for model in SHIPPED.values():
        for path in filter(None, (model.path, model.card, model.photograph)):
            assert f'surge_mmdet/shipped/{path.name}' in names


def test_one_wheel_serves_every_python_from_3_10(wheel):
    assert re.fullmatch(rf'surge_mmdet-{__version__}-cp310-abi3-\w+\.whl', wheel.name)


def test_the_source_distribution_has_what_is_built_and_no_more(archive, source):
    with tarfile.open(archive) as inside:
        names = {
            name.partition('/')[2] for name in (m.name for m in inside.getmembers() if m.isfile())
        }
    sources = [p for p in (source / 'surge_mmdet/deploy/csrc').rglob('*') if p.is_file()]
    want = {p.relative_to(source).as_posix() for p in [*expected(source).values(), *sources]}
    assert want <= names
    assert not [n for n in names if re.search(r'\.(so|pth|tgz)$|__pycache__|\.mim/|work_dirs', n)]


def test_the_metadata_is_whole(metadata):
    assert metadata['Version'] == __version__
    assert 'Apache-2.0' in (metadata['License-Expression'] or metadata['License'])
    assert metadata.get_all('License-File') == ['LICENSE']
    assert metadata['Requires-Python'] == '>=3.10'
    extras = {path.stem for path in (ROOT / 'requirements').glob('*.txt')}
    assert {'demo', 'onnx', 'export', 'onedl', 'tests'} <= set(metadata.get_all('Provides-Extra'))
    assert set(metadata.get_all('Provides-Extra')) <= extras
    classifiers = metadata.get_all('Classifier')
    assert 'Programming Language :: Python :: 3.12' in classifiers
    assert not [each for each in classifiers if each.startswith('License ::')]


def test_the_description_has_nothing_that_an_index_lacks(metadata):
    tokens = MarkdownIt().parse(metadata.get_payload())
    parts = [part for token in tokens for part in token.children or ()]
    targets = [part.attrs.get('href') or part.attrs.get('src') for part in parts if part.attrs]
    assert targets and all(target.startswith('https://') for target in targets), targets
    assert 'Left the ground truth' not in metadata.get_payload()  # below a picture that is gone


def test_an_index_would_take_both(wheel, archive):
    pytest.importorskip('twine', reason='twine is not here: requirements/release.txt')
    line = [sys.executable, '-m', 'twine', 'check', '--strict', str(wheel), str(archive)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_environment_is_sound_and_has_kernels(run):
    text = run('-m', 'surge_mmdet.environment')
    assert re.search(r'(avx|neon|portable)', text), text
    version = run('-c', 'import importlib.metadata as m; print(m.version("surge_mmdet"))')
    assert version.strip() == __version__


def test_the_demo_detects(run, tmp_path):
    text = run('-m', 'surge_mmdet.demo', '--out', 'found.jpg')
    assert (tmp_path / 'found.jpg').stat().st_size > 1000
    assert len(re.findall(r'0\.\d\d', text)) > 3, text


def test_the_web_page_starts_and_has_its_files(run, fresh):
    pytest.importorskip('starlette')
    assert '--port' in run('-m', 'surge_mmdet.demo.web', '--help')
    assert {'.html', '.css', '.js', '.svg'} <= {
        path.suffix for path in (place_of(fresh) / 'demo').rglob('*')
    }


def test_configs_are_found_as_mim_finds_them(run, fresh):
    """By model-index.yml, its metafiles, and the paths that these name."""
    mim = place_of(fresh) / '.mim'
    index = yaml.safe_load((mim / 'model-index.yml').read_text())
    models = [
        model
        for file in index['Import']
        for model in yaml.safe_load((mim / file).read_text())['Models']
    ]
    configs = [mim / model['Config'] for model in models]
    assert len(configs) > 10 and all(config.is_file() for config in configs)
    code = (
        'import json, sys; from mmengine.config import Config; '
        'print(json.dumps([Config.fromfile(p).model.type for p in sys.argv[1:]]))'
    )
    kinds = json.loads(run('-c', code, *configs).splitlines()[-1])
    assert len(kinds) == len(configs) and 'FasterRCNN' in kinds


def test_the_onnx_exporter_works_from_the_wheel(run, fresh, tmp_path):
    pytest.importorskip('onnxscript')
    place = place_of(fresh)
    tool, model = (
        place / '.mim/tools/deployment/export_onnx.py',
        place / 'shipped/digits.safetensors',
    )
    assert 'Wrote out.onnx' in run(tool, model, 'out.onnx')
    code = (
        'import sys; from surge_mmdet.onnx_detector import OnnxDetector; '
        'print(len(OnnxDetector("out.onnx")(sys.argv[1], score=0.3)["scores"]))'
    )
    assert int(run('-c', code, place / 'shipped/digits.jpg').splitlines()[-1]) > 3
