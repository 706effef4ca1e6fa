"""The application: routes, and what all of their handlers share."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gankit.errors import GankitError
from gankit.serve import api, files, pages
from gankit.serve.errors import refusal
from gankit.serve.limits import Limits, Rates
from gankit.serve.neighbours import Neighbourhoods
from gankit.serve.security import Guard
from gankit.serve.served import Served
from gankit.serve.state import NotHereError, State, TooFastError
from gankit.serve.worker import BusyError, Worker
from gankit.system_errors import translate

ROUTES: Sequence[tuple[str, Callable[[Request], Any]]] = (
    ("/", pages.index),
    ("/run/{name}", pages.run),
    ("/run/{name}/single", pages.single),
    ("/run/{name}/near", pages.near),
    ("/run/{name}/item", files.item),
    ("/run/{name}/sheet", files.sheet),
    ("/run/{name}/download", files.download),
    ("/compare", pages.compare),
    ("/static/{name}", files.static_file),
    ("/api/runs", api.runs),
    ("/api/samples", api.samples),
    ("/api/openapi.json", api.description),
)


def create_app(
    runs: Sequence[Served],
    *,
    limits: Limits | None = None,
    hosts: Sequence[str] = (),
    token: str = "",
    single: bool = False,
    guarded: bool = True,
) -> Starlette:
    """The server as an ASGI application.

    Args:
        runs: at least one.
        hosts: names by which it may be addressed; any if empty.
        token: that requests have to carry; empty for none.
        single: whether it shows nothing but one sample of the first run at a time.
        guarded: whether nobody else can reach it, by its address or by the token. Otherwise it
            has no options that can make a request expensive.
    """
    limits = limits or Limits()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        worker = Worker(limits.queue)
        app.state.it = State(
            {run.name: run for run in runs},
            worker,
            limits,
            Rates(limits.rate, limits.n),
            Neighbourhoods(),
            single,
            guarded,
        )
        try:
            yield
        finally:
            worker.close()
            app.state.it.neighbourhoods.close()

    return Starlette(
        routes=[Route(path, function, methods=["GET"]) for path, function in ROUTES],
        middleware=[Middleware(Guard, limits=limits, hosts=hosts, token=token)],
        exception_handlers={
            GankitError: _wrong,
            NotHereError: _not_here,
            TooFastError: _too_fast,
            BusyError: _busy,
            HTTPException: _http,
            Exception: _broken,
        },
        lifespan=lifespan,
    )


async def _wrong(request: Request, error: Any) -> Response:
    return refusal(request, 400, error.message, error.hint)


async def _not_here(request: Request, error: Any) -> Response:
    return refusal(request, 404, error.message, error.hint)


async def _too_fast(request: Request, error: Any) -> Response:
    hint = f"Try again in {max(round(error.wait), 1)} s"
    return refusal(request, 429, "more samples than one client gets", hint, wait=error.wait)


async def _busy(request: Request, error: Any) -> Response:
    return refusal(request, 503, "too many requests wait already", "Try again shortly", wait=1.0)


async def _http(request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return refusal(request, 404, f"there is no page {request.url.path}", "Begin at /")
    return refusal(request, error.status_code, str(error.detail).lower())


async def _broken(request: Request, error: Exception) -> Response:
    told = translate(error)
    if told is not None:
        return refusal(request, 503, told.message, told.hint, wait=1.0)
    traceback.print_exception(error)
    return refusal(request, 500, "the run could not be sampled", "The server's log says why")
