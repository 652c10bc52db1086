"""Where results go is asked before they are worked out."""

import os
from argparse import ArgumentTypeError

import pytest

from surge_mmdet.writable import out_file, out_folder


def test_new_names_and_old_folders_are_taken(tmp_path):
    assert out_file(str(tmp_path / 'new/deep/a.json')) == tmp_path / 'new/deep/a.json'
    assert out_folder(str(tmp_path)) == tmp_path
    assert not list(tmp_path.iterdir())
    (tmp_path / 'a.json').touch()
    assert out_file(str(tmp_path / 'a.json')) == tmp_path / 'a.json'


def test_what_cannot_be_written_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ArgumentTypeError, match='is a folder. Name a file in it, such as .*/NAME'):
        out_file(str(tmp_path))
    for kind, name in ((out_folder, 'file'), (out_folder, 'file/new'), (out_file, 'file/a.json')):
        with pytest.raises(ArgumentTypeError, match='file is a file. Name another folder'):
            kind(str(tmp_path / name))


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_folder_of_others_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ArgumentTypeError, match='not yours to write into'):
        out_folder(str(tmp_path / 'new'))
