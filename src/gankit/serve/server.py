"""Serving until somebody ends it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gankit.errors import GankitError
from gankit.runs.weights import BEST
from gankit.serve.limits import LOOPBACK, Limits
from gankit.serve.served import Served, served_runs

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

RATE = 100.0
"""Samples per second and client, where others than this machine can reach the server."""
CONNECTIONS = 1000
GRACE = 3
"""Seconds that open requests have when the server ends."""
HEADER = 16 * 1024
"""Bytes of a request's head."""


@dataclass(frozen=True)
class Server:
    """A server that is bound to its port, and not yet answering."""

    app: Starlette
    socket: socket.socket
    runs: Sequence[Served]
    address: str
    """Where it can be opened."""
    warnings: Sequence[str]
    _server: uvicorn.Server

    def run(self) -> None:
        """Answers until a signal ends it, or :meth:`stop`.

        Raises:
            KeyboardInterrupt: by Ctrl-C or SIGTERM.
        """
        self._server.run(sockets=[self.socket])

    def stop(self) -> None:
        """Ends :meth:`run`, from another thread."""
        self._server.should_exit = True


def _server(app: Starlette) -> uvicorn.Server:
    import uvicorn

    class Ending(uvicorn.Server):
        """Answers what waits before it ends."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.it.worker.drain()
            await super().shutdown(sockets)

    return Ending(
        uvicorn.Config(
            app,
            log_level="critical",  # what breaks is said by the application
            access_log=False,
            server_header=False,
            proxy_headers=False,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="on",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
            h11_max_incomplete_event_size=HEADER,
        )
    )


def prepare(
    paths: Sequence[Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str = "",
    single: bool = False,
    rate: float | None = None,
    device: str = "auto",
    weights: str = BEST,
) -> Server:
    """Loads the runs and binds the port, so that what is wrong is said before anything is served.

    Args:
        port: 0 for any that is free.
        rate: samples per second and client; without a limit on the loopback interface by default.
        weights: ``best`` or ``latest``: of the generators.

    Raises:
        GankitError: no extra ``serve``, no model, a port that is in use, or a host that is not
            this machine's.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401

        from gankit.serve.app import create_app
    except ModuleNotFoundError as error:
        raise GankitError(
            f"gankit serve needs {error.name}, which is not installed",
            "Install it: pip install 'gankit[serve]'",
        ) from None
    local = host in LOOPBACK
    limits = Limits()
    limits = replace(limits, rate=rate if rate is not None else (0.0 if local else RATE))
    runs = served_runs(paths, device, limits.cache, weights)
    bound = _bind(host, port)
    app = create_app(
        runs,
        limits=limits,
        hosts=LOOPBACK if local else (),
        token=token,
        single=single,
        guarded=local or bool(token),
    )
    warnings = []
    if not local and not token:
        warnings.append(
            f"everybody who can reach {host} can use this server: --token has it ask for a secret"
        )
    warnings += [f"{run.path}: {run.warning}" for run in runs if run.warning]
    address = _address(host, bound.getsockname()[1], token)
    return Server(app, bound, runs, address, warnings, _server(app))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere this would share a port that is in use
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except (OSError, OverflowError) as error:
        bound.close()
        raise _refused(host, port, error) from None
    return bound


def _refused(host: str, port: int, error: Any) -> GankitError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return GankitError(
            f"port {port} of {host} is in use", "Choose another: --port 8001, or --port 0 for any"
        )
    if number in (errno.EACCES, errno.EPERM):
        return GankitError(f"port {port} needs rights that you lack", "Use --port 8000")
    if isinstance(error, socket.gaierror) or number == errno.EADDRNOTAVAIL:
        return GankitError(
            f"{host} is no address of this machine", "Use --host 127.0.0.1, or 0.0.0.0 for all"
        )
    return GankitError(f"cannot listen at {host}, port {port}: {error}", "Choose another --port")


def _address(host: str, port: int, token: str) -> str:
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")
