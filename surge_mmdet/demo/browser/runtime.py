"""ONNX Runtime Web, as its makers published it.

Its 14 MB of compiled code are neither in this package nor in its repository:
a user fetches the one release that the page was tested with, and its hash is
checked here, so that it does not matter where the file came from.
"""

import base64
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Optional

VERSION = '1.30.0'
INTEGRITY = (  # npm view onnxruntime-web@1.30.0 dist.integrity
    'sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=='
)
TARBALL = f'onnxruntime-web-{VERSION}.tgz'
FETCH = f'npm pack onnxruntime-web@{VERSION}'
# Not every web server knows that .mjs is JavaScript too.
FILES = {
    'ort.wasm.min.mjs': 'ort.wasm.min.js',
    'ort-wasm-simd-threaded.mjs': 'ort-wasm-simd-threaded.js',
    'ort-wasm-simd-threaded.wasm': 'ort-wasm-simd-threaded.wasm',
}


def read_runtime(path: Optional[str] = None) -> dict:
    """Files of ONNX Runtime Web by the names that the page gives them.

    Args:
        path (str | None): Of the file that ``npm pack`` writes; None for one
            of its usual name in this folder.

    Raises:
        FileNotFoundError: If it is not there; the text has the commands.
        ValueError: If it is another file, or was altered.
    """
    file = Path(path or TARBALL)
    if not file.is_file():
        raise FileNotFoundError(
            f'{file} is no file. The page needs ONNX Runtime Web {VERSION} (33 MB), which does '
            f'not come with this package. Run {FETCH}, on any machine with npm. In this '
            'folder the file is found; name it by --runtime FILE elsewhere'
        )
    data = file.read_bytes()
    found = 'sha512-' + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != INTEGRITY:
        raise ValueError(
            f'{file} is not onnxruntime-web {VERSION} as it was published, or was cut off: its '
            f'hash is {found[:20]}..., not {INTEGRITY[:20]}... Run {FETCH}'
        )
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            own: archive.extractfile(f'package/dist/{theirs}').read()
            for theirs, own in FILES.items()
        }
