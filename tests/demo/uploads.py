"""Files that a stranger may send, and a server to send them to."""

import io
import os
import subprocess
import sys
import zlib
from contextlib import contextmanager
from struct import pack

from PIL import Image

from surge_mmdet.shipped import SHIPPED

PHOTOGRAPH = SHIPPED['digits'].photograph.read_bytes()


def image(mode: str = 'RGB', size: tuple = (64, 48), kind: str = 'PNG', **options) -> bytes:
    """A plain image as a file."""
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, kind, **options)
    return file.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes and, by its header, many pixels; all that are there are zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return pack('>I', len(content)) + kind + content + pack('>I', check)

    header = chunk(b'IHDR', pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b'IDAT', zlib.compress(bytes(10_000_000), 9))
    return b'\x89PNG\r\n\x1a\n' + header + pixels + chunk(b'IEND', b'')


HOSTILE = {
    'empty': (b'', 422, 'the file is empty'),
    'text': (b'hello ' * 100, 422, 'is no image of a kind that is read here'),
    'html': (b'<html><script>alert(1)</script>', 422, 'is no image'),
    'svg': (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 422, 'is no image'),
    'gif': (image('P', kind='GIF'), 422, 'is no image'),
    'tiff': (image(kind='TIFF'), 422, 'is no image'),
    'truncated JPEG': (PHOTOGRAPH[:4000], 422, 'is damaged or was cut off'),
    'header of a JPEG': (PHOTOGRAPH[:3], 422, 'is'),
    'truncated PNG': (image(size=(300, 300))[:60], 422, 'is damaged or was cut off'),
    'bomb': (png_bomb(60_000, 60_000), 413, 'pixels'),
    'small bomb': (png_bomb(6_000, 6_000), 413, 'has 6000x6000 pixels, more than 25 million'),
    'as many pixels as are taken': (png_bomb(5_000, 5_000), 422, 'is damaged or was cut off'),
    'a line': (image(size=(60_000, 1)), 422, 'cannot be resized for this detector'),
    'too many bytes': (bytes(10_000_001), 413, 'has more than 10 MB'),
}


@contextmanager
def running_server(*arguments, room='web', first='loading the detectors ...', cwd=None):
    """A command of a page in a process of its own on a free port: (address, process)."""
    line = [sys.executable, '-m', f'surge_mmdet.demo.{room}', '--port', '0', *map(str, arguments)]
    process = subprocess.Popen(
        line, cwd=cwd, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        said = process.stdout.readline().decode()
        if not said.startswith(first):
            process.terminate()
            raise AssertionError(f'{said}, not {first}: {process.stderr.read().decode()}')
        started = process.stdout.readline().decode().split()
        assert started and started[0].startswith('http://127.0.0.1:'), process.stderr.read()
        yield started[0], process
    finally:
        process.terminate()
        process.communicate(timeout=30)
