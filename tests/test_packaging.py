"""What an installation contains besides the modules."""

import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT
from mmengine.config import Config

from surge_mmdet.shipped import SHIPPED

CONFIG = 'configs/faster_rcnn/faster-rcnn_r18_fpn_ste_4x3e_voc0712.py'


@pytest.fixture
def source(tmp_path):
    """A copy of what is packed: the build writes beside the sources."""
    for name in ('surge_mmdet', 'configs', 'tools', 'requirements'):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns('.mim', '__pycache__')
        )
    for name in (
        'setup.py',
        'pyproject.toml',
        'README.md',
        'MANIFEST.in',
        'model-index.yml',
        'CHANGELOG.md',
        'CITATION.cff',
    ):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def build(source, command):
    """Run setup.py; the file it makes."""
    done = subprocess.run(
        [sys.executable, 'setup.py', '-q', command, '--dist-dir', 'dist'],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return next((source / 'dist').iterdir())


def shipped(folder):
    """Relative paths of what belongs under .mim."""
    files = [p for name in ('configs', 'tools') for p in (folder / name).rglob('*') if p.is_file()]
    names = {str(p.relative_to(folder)) for p in files}
    return names | {'model-index.yml'}


def test_wheel_holds_configs_and_tools(source, tmp_path):
    wheel = zipfile.ZipFile(build(source, 'bdist_wheel'))
    inside = {
        name.removeprefix('surge_mmdet/.mim/') for name in wheel.namelist() if '/.mim/' in name
    }
    assert inside == shipped(source)
    assert CONFIG in inside and 'tools/train.py' in inside
    assert 'surge_mmdet/py.typed' in wheel.namelist()  # else types are ignored
    for model in SHIPPED.values():
        for path in filter(None, (model.path, model.card, model.photograph)):
            assert f'surge_mmdet/shipped/{path.name}' in wheel.namelist()
    for path in (source / 'surge_mmdet/demo').rglob('*.*'):  # the pages need more than modules
        assert path.relative_to(source).as_posix() in wheel.namelist()
    wheel.extractall(tmp_path / 'site')
    mim = tmp_path / 'site/surge_mmdet/.mim'
    assert Config.fromfile(mim / CONFIG).to_dict() == Config.fromfile(ROOT / CONFIG).to_dict()
    assert not (source / 'surge_mmdet/.mim').exists()


def test_source_distribution_can_be_built_again(source, tmp_path):
    archive = build(source, 'sdist')
    shutil.unpack_archive(archive, tmp_path / 'unpacked')
    unpacked = next((tmp_path / 'unpacked').iterdir())
    assert shipped(unpacked) == shipped(source)
    assert shipped(source) == {
        name.removeprefix('surge_mmdet/.mim/')
        for name in zipfile.ZipFile(build(unpacked, 'bdist_wheel')).namelist()
        if '/.mim/' in name
    }


def test_editable_installation_links_to_the_checkout(source):
    stale = source / 'surge_mmdet/.mim/configs/stale.py'
    stale.parent.mkdir(parents=True)
    stale.touch()
    build(source, 'editable_wheel')
    mim = source / 'surge_mmdet/.mim'
    assert {p.name for p in mim.iterdir()} == {'configs', 'tools', 'model-index.yml'}
    for link in mim.iterdir():
        assert link.is_symlink()
        assert link.resolve() == (source / link.name).resolve()
    assert (source / 'configs').is_dir()


def test_own_config_can_inherit_from_the_installed_ones(source, tmp_path):
    """MMEngine has no ``surge_mmdet::`` here; Python finds the folder."""
    build(source, 'editable_wheel')
    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = __import__('surge_mmdet').__path__[0] + "
        f"'/.mim/{CONFIG}'\n"
        'train_dataloader = dict(batch_size=2)\n'
    )
    script = (
        'from mmengine.config import Config; import surge_mmdet; '
        f'cfg = Config.fromfile({str(child)!r}); '
        'print(surge_mmdet.__file__, cfg.model.backbone.type, '
        'cfg.train_dataloader.batch_size)'
    )
    done = subprocess.run(
        [sys.executable, '-c', script], cwd=source, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1].split() == [  # mmdet's imports print too
        str(source / 'surge_mmdet/__init__.py'),
        'surge_mmdet.BinaryResNet',
        '2',
    ], done


def test_types_of_the_method_are_sound():
    """mypy on the rooms that pyproject.toml names."""
    done = subprocess.run(
        [sys.executable, '-m', 'mypy', '--no-incremental'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
