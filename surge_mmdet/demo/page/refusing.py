"""Refusals of the pages' servers: one sentence, as JSON."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

WORDS = {
    404: 'there is nothing at this address. Open / for the page',
    405: 'this address does not take the method {method}. Write {allow}',
}


def sentence(status: int, text: str, headers=None) -> Response:
    """An answer that says why there is no other."""
    return JSONResponse(dict(error=text), status, headers)


async def refuse(request: Request, error: HTTPException) -> Response:
    """What was refused, in words of ours where Starlette has two of its own."""
    text = error.detail
    if error.status_code in WORDS and text in ('Not Found', 'Method Not Allowed'):
        allowed = (error.headers or {}).get('Allow', 'GET').split(', ')
        allow = ' or '.join(sorted(set(allowed) - {'HEAD'}))
        text = WORDS[error.status_code].format(method=request.method, allow=allow)
    return sentence(error.status_code, text, error.headers)
