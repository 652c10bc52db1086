import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from surge_mmdet.whole_files import write_whole


def test_the_folder_is_made_and_nothing_else_is_left(tmp_path):
    write_whole(tmp_path / 'new/file.bin', b'all')
    assert [p.read_bytes() for p in (tmp_path / 'new').iterdir()] == [b'all']


def test_a_refusing_disk_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / 'file.bin'
    target.write_bytes(b'old')

    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space left'):
        write_whole(target, b'new')
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b'old']


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    target = tmp_path / 'file.bin'
    kill = 'import os, signal; os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)'
    write = f'import surge_mmdet.whole_files as w; w.write_whole({str(target)!r}, b"x")'
    done = subprocess.run([sys.executable, '-c', f'{kill}; {write}'], timeout=60)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    dead = left.name.split('-')[-1].removesuffix('.part')
    living = tmp_path / left.name.replace(dead, str(os.getppid()))
    living.write_bytes(b'half')
    write_whole(target, b'all')
    assert sorted(tmp_path.iterdir()) == sorted([living, target])


def test_threads_that_write_one_file_do_not_mix(tmp_path):
    target, many = tmp_path / 'file.bin', 8
    contents = [bytes([i]) * 100_000 for i in range(many)]
    with ThreadPoolExecutor(many) as pool:
        list(pool.map(lambda data: write_whole(target, data), contents * 5))
    assert target.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [target]
