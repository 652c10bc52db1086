"""A socket and a server on this machine, until a user says otherwise."""

import argparse
import errno
import socket
from contextlib import suppress

LOOPBACK = ('127.0.0.1', 'localhost', '::1')


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--host``, ``--port`` and ``--name``."""
    parser.add_argument('--host', default='127.0.0.1', help='default: 127.0.0.1, this machine')
    parser.add_argument('--port', type=int, default=8000, help='0 for any; default: 8000')
    parser.add_argument(
        '--name',
        action='append',
        type=_name,
        help='by which browsers may call it, beside localhost; default: that alone, but any\n'
        'with another --host. May be repeated',
    )


def _name(text: str) -> str:
    if not text or set(text) & set('/:* '):
        raise argparse.ArgumentTypeError(
            f'{text!r} is more than a name. Write it without http:// and port: --name localhost'
        )
    return text.lower()


def check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with the corrected line, if the port is none."""
    if not 0 <= args.port < 65536:
        parser.error(
            f'--port is {args.port}: ports are from 1 to 65535, 0 is any. Write --port 8000'
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket, taken before anything is loaded.

    Raises:
        OSError: If the address cannot be had.
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise OSError(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return f'port {port} of {host} is in use by another program. Write --port {other}'
    if error.errno == errno.EACCES:
        return f'port {port} is for programs with more rights. Write --port 8000'
    return f'{host} is no address of this machine. Write --host {LOOPBACK[0]}'


def hosts_of(host: str, names=None) -> tuple:
    """Names by which a server at this address may be called.

    Args:
        host (str): As the user wrote it.
        names (Sequence[str] | None): Of ``--name``.
    """
    from .guard import ANY, LOCAL

    return (*LOCAL, *(names or ())) if names or host in LOOPBACK else (ANY,)


def serve(app, server: socket.socket, host: str) -> None:
    """Say where, and answer until Ctrl-C.

    Args:
        app: ASGI application.
        server (socket.socket): Of :func:`listen`.
        host (str): As the user wrote it.

    Raises:
        ImportError: If uvicorn is missing.
    """
    import uvicorn

    name = f'[{host}]' if ':' in host else host
    print(f'http://{name}:{server.getsockname()[1]}   (Ctrl-C ends it)', flush=True)
    if host not in LOOPBACK:
        print(f'anyone who reaches {name} can use it: there is no password', flush=True)
    config = uvicorn.Config(app, log_level='warning', access_log=False, server_header=False)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[server])
