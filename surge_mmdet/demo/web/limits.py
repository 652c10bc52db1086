"""How much of a request is read, how long, and how many wait."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio
from starlette.requests import ClientDisconnect, Request

from .decoding import TooLarge

SECONDS = 30.0  # for the body of a request
SECONDS_TO_DROP = 5.0
DROPPED = 50_000_000  # bytes that are read and not kept
SECONDS_TO_ASK = 0.1  # whether the one who waits is still there


class Busy(Exception):
    """Too many images wait."""


class SlowBody(Exception):
    """A body that does not arrive."""


class Gate:
    """Lets a few requests in at a time, one of them to its turn, and refuses the others at once.

    Its methods run in the one thread of the event loop.

    Args:
        places (int): How many.
    """

    def __init__(self, places: int) -> None:
        self.places, self.inside = places, 0
        self._turn = anyio.Lock()

    @contextmanager
    def enter(self) -> Iterator:
        """One place for a while.

        Raises:
            Busy: If none is free.
        """
        if self.inside >= self.places:
            raise Busy(f'{self.inside} images are waiting already. Try again in a few seconds')
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    @asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator:
        """One request at a time, in the order they came; its body has been read.

        Raises:
            ClientDisconnect: If nobody waits for the answer any more, at once.
        """
        mine = False
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(_until_gone, request, waiting.cancel_scope)
            await self._turn.acquire()
            mine = True
            waiting.cancel_scope.cancel()
        if not mine:
            raise ClientDisconnect
        try:
            yield
        finally:
            self._turn.release()


async def _until_gone(request: Request, waiting: anyio.CancelScope) -> None:
    while not await request.is_disconnected():
        await anyio.sleep(SECONDS_TO_ASK)
    waiting.cancel()


async def read_body(request: Request, most: int, seconds: float = SECONDS) -> bytes:
    """The body of a request.

    A browser reads an answer only behind its upload, so that some of what is
    too much is read too, and dropped.

    Raises:
        TooLarge: If it has more than ``most`` bytes. No more of them are kept.
        SlowBody: If it takes longer than ``seconds``.
    """
    body, size = bytearray(), 0
    try:
        with anyio.fail_after(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    body += chunk
                elif size > most + DROPPED:
                    break
    except TimeoutError as error:
        raise SlowBody(f'the image did not arrive within {seconds:g} seconds. Try again') from error
    if size > most:
        raise TooLarge(
            f'this file has more than {most / 1e6:g} MB. Make the image smaller, or save it as JPEG'
        )
    return bytes(body)


async def drop_body(request: Request) -> None:
    """Read a body and keep none of it, for a while."""
    with suppress(TooLarge, SlowBody):
        await read_body(request, 0, SECONDS_TO_DROP)
