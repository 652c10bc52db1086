"""A server of the folder: right types, strict headers, nothing else."""

import mimetypes

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ..page import guard
from ..page.refusing import refuse
from .folder import POLICY

TYPES = {
    '.js': 'text/javascript',
    '.wasm': 'application/wasm',  # else it is compiled only once it is here
    '.onnx': 'application/octet-stream',
}
HEADERS = {
    **guard.HEADERS,
    'Content-Security-Policy': f"{POLICY}; frame-ancestors 'none'",
    # A page that shares nothing with others may compute in several threads.
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
}


def build_app(folder, hosts=guard.LOCAL) -> guard.Guard:
    """The server, without a socket.

    Args:
        folder: Of the page.
        hosts (Sequence[str]): Names by which a browser may call it.
    """
    for ending, kind in TYPES.items():  # what a system says of them differs
        mimetypes.add_type(kind, ending)
    files = Mount('/', StaticFiles(directory=folder, html=True))
    app = Starlette(routes=[files], exception_handlers={HTTPException: refuse})
    return guard.Guard(app, hosts, HEADERS)
