"""An editable installation: links, configs that are found, types that hold."""

import subprocess
import sys

import pytest
from distributions import build, copy_source

CONFIG = 'configs/faster_rcnn/faster-rcnn_r18_fpn_ste_4x3e_voc0712.py'


@pytest.fixture
def source(tmp_path):
    return copy_source(tmp_path)


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
