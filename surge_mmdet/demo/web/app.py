"""The server of the page: five addresses, everything limited, every refusal one sentence.

An image is the body of a request, not a form: no name of a file arrives, and
nothing is written to disk.
"""

import logging
from pathlib import Path

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ...errors import unknown
from ..page import framed
from ..page.guard import LOCAL, Guard
from ..page.refusing import refuse, sentence
from .decoding import FORMATS, MOST_PIXELS, TooLarge, decode
from .groups import Detectors
from .limits import Busy, Gate, SlowBody, drop_body, read_body

STATIC = Path(__file__).parent / 'static'
SHARED = 'surge_mmdet.demo.page', 'static'  # package and folder
PARTS = dict(
    title='1-bit detectors side by side',
    head='',
    how='side by side',
    intro='One image through the twins of one detector. Boxes, times and sizes are measured here, '
    'on this machine; the image stays on it.',
    detector='<label for="model">Detector</label>\n<select id="model"></select>',
    picture='<img alt="">',
    waiting='',
)
MOST_BYTES = 10_000_000


class Page:
    """What the addresses answer.

    Args:
        detectors (Detectors): What detects.
        most_bytes (int): Of an upload.
        most_pixels (int): Of an image.
        waiting (int): Most uploads that are read or wait at a time.
    """

    def __init__(
        self,
        detectors: Detectors,
        most_bytes: int = MOST_BYTES,
        most_pixels: int = MOST_PIXELS,
        waiting: int = 8,
    ) -> None:
        self.detectors = detectors
        self.most_bytes, self.most_pixels = most_bytes, most_pixels
        self.gate = Gate(waiting)

    async def models(self, request: Request) -> Response:
        """What there is to choose from, and the limits."""
        groups = [group.about() for group in self.detectors.groups.values()]
        limits = dict(bytes=self.most_bytes, pixels=self.most_pixels, formats=FORMATS)
        return JSONResponse(dict(groups=groups, limits=limits))

    async def example(self, request: Request) -> Response:
        """The photograph that comes with a model."""
        group = self._group(request.path_params['name'])
        if group.photograph is None:
            raise HTTPException(404, f'no photograph comes with {group.name}. Choose one of yours')
        return FileResponse(group.photograph)

    async def detect(self, request: Request) -> Response:
        """Detections in the image that is the body."""
        name = self._group(request.query_params.get('model', '')).name
        kind = request.headers.get('content-type', '')
        if kind.startswith('multipart/'):
            raise HTTPException(
                415,
                'an image is the body of the request, not a form. Write curl --data-binary '
                '@photograph.jpg with this address',
            )
        try:
            with self.gate.enter():
                content = await read_body(request, self.most_bytes)
                async with self.gate.turn(request):
                    found = await to_thread.run_sync(self._detect, name, content)
        except Busy:
            await drop_body(request)
            raise
        return JSONResponse(found)

    def _detect(self, name: str, content: bytes) -> dict:
        return self.detectors.detect(name, decode(content, self.most_pixels))

    def _group(self, name: str):
        groups = self.detectors.groups
        if name not in groups:
            raise HTTPException(404, str(unknown('model', name[:40], groups, 'model={}')))
        return groups[name]


def build_app(page: Page, hosts=LOCAL) -> Guard:
    """The server, without a socket.

    Args:
        page (Page): What it shows.
        hosts (Sequence[str]): Names by which a browser may call it; ``*`` for
            any. Others are refused, so that no page of another site can
            reach it by a name of its own.
    """
    routes = [
        Route('/', _index),
        Route('/api/models', page.models),
        Route('/api/example/{name}', page.example),
        Route('/api/detect', page.detect, methods=['POST']),
        Mount('/static', StaticFiles(directory=STATIC, packages=[SHARED])),
    ]
    handlers = {
        HTTPException: refuse,
        TooLarge: _sentence(413),
        Busy: _sentence(503, {'Retry-After': '2'}),
        SlowBody: _sentence(408),
        ValueError: _sentence(422),
        ClientDisconnect: _gone,
        Exception: _failed,
    }
    # Around all of it: Starlette's own middleware lies inside of what answers with 500.
    return Guard(Starlette(routes=routes, exception_handlers=handlers), hosts)


async def _index(request: Request) -> Response:
    return HTMLResponse(framed(**PARTS))


def _sentence(status: int, headers=None):
    async def handler(request: Request, error: Exception) -> Response:
        return sentence(status, str(error), headers)

    return handler


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _failed(request: Request, error: Exception) -> Response:
    logging.getLogger(__name__).error('an answer failed', exc_info=error)
    return sentence(500, 'the server failed at this; its log has the reason. Try another image')
