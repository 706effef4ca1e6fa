"""The pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gankit.contract import ConditionInput
from gankit.errors import GankitError
from gankit.serve import neighbours
from gankit.serve.errors import refusal
from gankit.serve.query import Query
from gankit.serve.rendering import render
from gankit.serve.served import Drawn, Served
from gankit.serve.state import State, state_of

MOST_BESIDE = 8
"""Samples of which neighbours are shown."""
SIDE_BY_SIDE = 9
"""Samples of each run on the page that compares runs."""


@dataclass(frozen=True)
class Field:
    """A field of the form, with what stands in it."""

    input: ConditionInput
    value: str
    low: str
    high: str


async def index(request: Request) -> Response:
    """The runs; or the page of the only one."""
    it = state_of(request)
    first = next(iter(it.runs.values()))
    if it.single or len(it.runs) == 1:
        page = f"{first.address}/single" if it.single else first.address
        query = request.url.query
        return RedirectResponse(f"{page}?{query}" if query else page)
    return _page("index.html.j2", it, title="Runs", runs=list(it.runs.values()))


async def run(request: Request) -> Response:
    """Samples of one run, and the form that chooses them."""
    it = state_of(request)
    served = it.run(request.path_params["name"])
    wanted = it.query(request, served)
    try:
        drawn = await it.draw(request, served, wanted)
    except GankitError as error:  # the form stays, with what was typed
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return _page("run.html.j2", it, 400, **_about(it, served, wanted), drawn=None, wrong=error)
    about = _about(it, served, wanted, drawn)
    return _page("run.html.j2", it, **about, drawn=drawn, wrong=None)


async def single(request: Request) -> Response:
    """One sample, filling the page."""
    it = state_of(request)
    served = it.run(request.path_params["name"])
    query = it.query(request, served, n=1)
    drawn = await it.draw(request, served, replace(query, n=1, between=None))
    one = drawn.shown[0]
    return _page("single.html.j2", it, title=f"seed {one.seed}", run=served, drawn=drawn, one=one)


async def near(request: Request) -> Response:
    """Samples beside the training items nearest to them."""
    it = state_of(request)
    served = it.run(request.path_params["name"])
    if why := neighbours.why_not(served):
        return refusal(request, 400, why)
    query = it.query(request, served)
    query = replace(query, n=min(query.n, MOST_BESIDE))
    drawn = await it.draw(request, served, query)
    reading = asyncio.wrap_future(it.neighbourhoods.of(served))
    title = "Nearest training items"
    about: dict[str, Any] = {"title": title, "run": served, "query": drawn.query, "drawn": drawn}
    try:
        train = await asyncio.wait_for(asyncio.shield(reading), neighbours.PATIENCE)
    except TimeoutError:
        answer = _page("near.html.j2", it, 202, **about, rows=None, train=None)
        answer.headers["Refresh"] = "5"
        return answer

    def compared() -> list[neighbours.Row]:
        return neighbours.rows(served, drawn.shown, train.near(drawn.samples))

    found = await it.call(request, 0, compared)
    return _page("near.html.j2", it, **about, rows=found, train=train)


async def compare(request: Request) -> Response:
    """Several runs side by side, at the same seeds."""
    it = state_of(request)
    names = request.query_params.getlist("run") or list(it.runs)
    runs = [it.run(name) for name in dict.fromkeys(names)]
    shared = _shared_inputs(runs)
    wanted = it.query(request, runs[0], ["run"], n=SIDE_BY_SIDE)
    if wanted.seed is None and wanted.between is None:
        wanted = replace(wanted, seed=runs[0].fresh(wanted.n))
    columns = [(served, await it.draw(request, served, wanted)) for served in runs]
    return _page(
        *("compare.html.j2", it),
        title="Side by side",
        columns=columns,
        query=wanted,
        fields=_fields(shared, wanted),
        link=f"{wanted.text()}&" + "&".join(f"run={served.name}" for served in runs),
        truncates=all(served.truncates for served in runs),
    )


def _about(
    it: State, served: Served, wanted: Query, drawn: Drawn | None = None
) -> Mapping[str, Any]:
    """What the page of a run shows beside the samples."""
    query = drawn.query if drawn else wanted
    seeds = {one.seed for one in drawn.shown} if drawn else set()
    return {
        "title": served.name,
        "run": served,
        "query": query,
        "fresh": replace(query, seed=None, between=None),
        "fields": _fields(served.inputs, wanted),
        "chosen": dict(wanted.settings),
        "seeds": (min(seeds), max(seeds)) if seeds else (0, 0),
        "real": neighbours.why_not(served),
        "options": served.options if it.guarded else [],
    }


def _fields(inputs: Sequence[ConditionInput], query: Query) -> list[Field]:
    chosen = query.requested
    found = []
    for one in inputs:
        value = chosen.get(one.name, "")
        low, dots, high = value.partition("..")
        ends = (low, high) if dots else (value, value)
        found.append(Field(one, value, *(ends if one.ranges else ("", ""))))
    return found


def _shared_inputs(runs: Sequence[Served]) -> list[ConditionInput]:
    """The conditions that all of the runs have."""
    first, *others = runs
    return [one for one in first.inputs if all(one in other.inputs for other in others)]


def _page(template: str, it: State, status: int = 200, **values: Any) -> Response:
    """A page, which knows of the server what its navigation shows."""
    every = {"served": list(it.runs.values()), "most": it.limits.n}
    return HTMLResponse(render(template, **every, **values), status)
