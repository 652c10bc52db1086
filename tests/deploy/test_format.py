"""The packed file: what is read is what was written, or a ValueError."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from deploy.file_content import content, same
from deploy.mutations import flip

from surge_mmdet.deploy import format as packed_format
from surge_mmdet.deploy.format import PackedFile, read, to_bytes, write

TESTS = Path(__file__).parents[1]
MUTATIONS = 10_000


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'a.safetensors'
    write(path, content())
    return path


def header_of(data: bytes) -> dict:
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], 'little')])


def with_header(data: bytes, header: dict) -> bytes:
    text = json.dumps(header).encode()
    rest = data[8 + int.from_bytes(data[:8], 'little') :]
    return len(text).to_bytes(8, 'little') + text + rest


def test_what_is_read_is_what_was_written(file):
    want = content()
    size = write(file, want)
    assert size == file.stat().st_size
    assert same(read(file), want)


def test_equal_contents_give_equal_bytes(file):
    first = content()
    turned = PackedFile(dict(reversed(first.tensors.items())), *first[1:])
    assert to_bytes(first) == to_bytes(turned)
    assert to_bytes(first) != to_bytes(first._replace(config='model = {}\n'))


def test_the_file_is_a_plain_safetensors_file(file):
    from safetensors import safe_open

    with safe_open(file, 'pt') as opened:
        assert opened.metadata()['format_version'] == '1'
        assert json.loads(opened.metadata()['dataset_meta'])['classes'] == ['cat', 'dög']
        assert opened.get_tensor('number') == 3


def test_tensors_of_any_layout_are_stored(file):
    turned = torch.arange(6.0).view(2, 3).t()
    write(file, content(tensors=dict(x=turned)))
    assert read(file).tensors['x'].equal(turned)


@pytest.mark.parametrize(
    'change, why',
    [
        (lambda data: b'', 'does not start as a safetensors file'),
        (lambda data: data[:7], 'does not start as a safetensors file'),
        (lambda data: data[:100], 'does not start as a safetensors file'),
        (lambda data: data[:-1], 'bytes of tensors where'),
        (lambda data: data + b'\0', 'bytes of tensors where'),
        (lambda data: (2**62).to_bytes(8, 'little') + data[8:], 'does not start as'),
        (lambda data: b'PK\3\4' + data, 'does not start as a safetensors file'),
        (lambda data: data[:8] + b'x' + data[9:], 'its header cannot be read'),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), r'not those that were written \(sha256\)'),
    ],
)
def test_damage_is_named(file, change, why):
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match=why) as error:
        read(file)
    assert str(file) in str(error.value)
    assert 'publish_model.py CHECKPOINT OUT.safetensors' in str(error.value)


@pytest.mark.parametrize(
    'metadata, why',
    [
        (dict(format_version='2', surge_mmdet='9.0'), 'written by surge_mmdet 9.0.*reads up to 1'),
        (dict(format_version='one'), "format version is 'one'"),
        (dict(format_version='9' * 5000), 'format version is'),
        (dict(format='pt'), 'is no packed detector: its metadata do not say so'),
        (dict(sha256=None), 'its metadata lack sha256'),
        (dict(config='model = 7'), 'sha256'),
        (dict(dataset_meta='{}'), 'damaged'),
        (dict(dataset_meta='[' * 100_000), 'damaged'),
        (dict(more='x'), 'sha256'),
    ],
)
def test_other_metadata_are_refused(file, metadata, why):
    data = file.read_bytes()
    header = header_of(data)
    found = {**header['__metadata__'], **metadata}
    header['__metadata__'] = {k: v for k, v in found.items() if v is not None}
    file.write_bytes(with_header(data, header))
    with pytest.raises(ValueError, match=why):
        read(file)


@pytest.mark.parametrize(
    'tensor',
    [
        dict(dtype='F64'),
        dict(dtype='F8_E8M0'),
        dict(dtype=7),
        dict(dtype='F16'),
        dict(shape=[2**62, 2**62]),
        dict(shape=[-1]),
        dict(shape=[9]),
        dict(shape=None),
        dict(data_offsets=[0, 2**62]),
        dict(data_offsets=[2**62, 0]),
        dict(data_offsets=[]),
        dict(data_offsets=[4, 8]),
    ],
)
def test_other_tensors_are_refused(file, tensor):
    data = file.read_bytes()
    header = header_of(data)
    header['backbone.conv.scale'].update(tensor)
    file.write_bytes(with_header(data, header))
    with pytest.raises(ValueError, match='damaged|no packed detector'):
        read(file)


@pytest.mark.parametrize('shape', [[0, 2**40, 2**40, 2**40], [0, 2**63 - 1], [2**63, 0]])
def test_an_empty_tensor_of_a_huge_shape_is_refused(file, shape):
    data = file.read_bytes()
    header = header_of(data)
    header['empty']['shape'] = shape
    file.write_bytes(with_header(data, header))
    with pytest.raises(ValueError, match='damaged|no packed detector'):
        read(file)


def test_renamed_and_exchanged_tensors_are_refused(file):
    data = file.read_bytes()
    header = header_of(data)
    header['head.fc.bias'] = header.pop('head.fc.weight')
    file.write_bytes(with_header(data, header))
    with pytest.raises(ValueError, match='sha256'):
        read(file)


@pytest.mark.parametrize('start', [b'[' * 200_000, b'{"a":' * 100_000, b'[' * 8, b'{}', b'"x"'])
def test_a_header_that_is_no_header(file, start):
    file.write_bytes(len(start).to_bytes(8, 'little') + start)
    with pytest.raises(ValueError, match='is no packed detector'):
        read(file)


def test_another_safetensors_file_is_refused_with_what_to_do(file):
    from safetensors.torch import save_file

    save_file(dict(weight=torch.zeros(3)), file, metadata=dict(format='pt'))
    with pytest.raises(ValueError, match='is no packed detector.*Make one: python tools/model'):
        read(file)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.safetensors does not exist. Name a packed'):
        read(tmp_path / 'none.safetensors')
    with pytest.raises(FileNotFoundError, match='is a folder. Name a packed detector'):
        read(tmp_path)


def test_ten_thousand_mutations_load_the_same_or_are_refused(file):
    """In a process of its own: a worker holds libraries that end it where memory ends."""
    done = subprocess.run(
        [sys.executable, '-m', 'deploy.fuzz_format', str(file), str(MUTATIONS)],
        cwd=TESTS,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    limit, refused = done.stdout.splitlines()
    assert limit == 'the limit holds'
    assert int(refused) > 0.95 * MUTATIONS


def test_without_the_hash_mutations_would_load(file, monkeypatch):
    """The fuzz above can fail: damage of tensors is seen by the hash alone."""
    monkeypatch.setattr(packed_format, 'content_hash', lambda metadata, tensors: metadata['sha256'])
    rng, want = random.Random(0), read(file)
    data = file.read_bytes()
    others = 0
    for _ in range(200):
        file.write_bytes(flip(bytearray(data), rng))
        try:
            others += not same(read(file), want)
        except ValueError:
            continue
    assert others > 10


def test_a_name_without_its_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r'Write .*detector\.safetensors'):
        write(tmp_path / 'detector.pth', content())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('broken', ['os.replace', 'os.fsync'])
def test_a_failed_write_leaves_the_old_file(file, monkeypatch, broken):
    before = file.read_bytes()

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(f'surge_mmdet.deploy.format.{broken}', full)
    with pytest.raises(OSError, match='No space left'):
        write(file, content(config='model = 1\n'))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_the_file_is_readable_as_others_are(file):
    plain = file.with_name('plain')
    plain.touch()
    assert file.stat().st_mode == plain.stat().st_mode
