"""The JSON API."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gankit.errors import GankitError
from gankit.runs.provenance import software
from gankit.serve.openapi import described
from gankit.serve.served import Drawn, Served
from gankit.serve.shown import Shown, plain
from gankit.serve.state import state_of


async def runs(request: Request) -> Response:
    """The runs that are served."""
    it = state_of(request)
    for served in it.runs.values():
        await it.call(request, 0, served.refresh)
    return JSONResponse({"software": software(), "runs": [r.facts() for r in it.runs.values()]})


async def samples(request: Request) -> Response:
    """Generated samples, with all that is needed to get the same ones again."""
    it = state_of(request)
    name = request.query_params.get("run")
    if name is None and len(it.runs) > 1:
        raise GankitError("which run?", f"Add run=NAME, of {', '.join(it.runs)}")
    served = it.run(name or next(iter(it.runs)))
    embed = request.query_params.get("embed", "0")
    if embed not in ("0", "1"):
        raise GankitError(f"embed={embed}: neither 0 nor 1", "Use 1 to have items in the answer")
    query = it.query(request, served, ["run", "embed"])
    drawn = await it.draw(request, served, replace(query, rendered=embed == "1"))
    return JSONResponse(_answer(served, drawn))


async def description(request: Request) -> Response:
    """The API, described."""
    return JSONResponse(described(state_of(request).limits))


def _answer(served: Served, drawn: Drawn) -> dict[str, Any]:
    query = drawn.query
    start = {"between": list(query.between)} if query.between else {"seed": query.seed}
    return {
        "run": served.name,
        "plugin": served.plugin,
        "software": software(),
        "synthetic": True,
        "digital_source_type": served.modality.source_type,
        "samples_trained": drawn.trained,
        "n": query.n,
        **start,
        "where": dict(query.where),
        "options": dict(query.settings),
        "truncation": query.truncation,
        "warnings": [*filter(None, [served.warning]), *drawn.warnings],
        "page": f"{served.address}?{query.text()}",
        "items": [_item(one) for one in drawn.shown],
    }


def _item(one: Shown) -> dict[str, Any]:
    found: dict[str, Any] = {"seed": one.seed}
    if not one.address:
        return {**found, "values": plain(one.values)}
    found |= {"condition": plain(one.condition), "values": plain(one.values), "url": one.address}
    if one.rendering is not None:
        found["media_type"] = one.rendering.media_type
        found["data"] = base64.b64encode(one.rendering.content).decode()
    return found
