"""What every request passes: by which name, from which page, and headers of safety."""

from typing import Optional
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

LOCAL = ('localhost', '127.0.0.1', '[::1]')
ANY = '*'
HEADERS = {
    'Content-Security-Policy': "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
}


class Guard:
    """Refuses foreign names and foreign pages, and adds headers to every answer.

    A page of another site can let its own name lead to this machine, and could
    then read what the server answers; the name in the request gives it away.
    Without that it reads nothing, but could still send images; browsers say
    then where the request is from.

    Args:
        app: The ASGI application inside.
        hosts (Sequence[str]): Names that are right; :data:`ANY` for all.
        headers (Mapping): What is added.
    """

    def __init__(self, app, hosts=LOCAL, headers=HEADERS) -> None:
        self.app, self.hosts = app, hosts
        self.headers = [(key.lower().encode(), value.encode()) for key, value in headers.items()]

    async def __call__(self, scope, receive, send) -> None:
        async def send_more(message) -> None:
            if message['type'] == 'http.response.start':
                message = {**message, 'headers': [*message.get('headers', ()), *self.headers]}
            await send(message)

        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        answer = self._refusal(Headers(scope=scope)) or self.app
        await answer(scope, receive, send_more)

    def _refusal(self, headers: Headers) -> Optional[JSONResponse]:
        host = headers.get('host', '')
        if ANY not in self.hosts and host_name(host) not in self.hosts:
            text = f'this server is not called so. Open it as http://{self.hosts[0]} with its port'
            return JSONResponse(dict(error=text), 400)
        origin = headers.get('origin')  # programs send none
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            text = f'this server answers to no page but its own. Open it as http://{host}'
            return JSONResponse(dict(error=text), 403)
        return None


def host_name(host: str) -> str:
    """A ``Host`` header without its port.

    Examples:
        >>> host_name('localhost:8000'), host_name('[::1]:80'), host_name('[::1]')
        ('localhost', '[::1]', '[::1]')
    """
    return host if host.endswith(']') else host.rsplit(':', 1)[0].lower()
