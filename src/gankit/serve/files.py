"""What pages show and offer besides HTML: items, sheets, downloads, styles."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from gankit.contract import Rendering
from gankit.errors import GankitError
from gankit.runs.provenance import RECORD
from gankit.serve.query import Query
from gankit.serve.rendering import STATIC, static
from gankit.serve.security import ITEM_POLICY
from gankit.serve.served import Served
from gankit.serve.state import NotHereError, state_of

KEPT = {"Cache-Control": "private, max-age=3600, immutable"}
ALONE = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".wav", ".flac", ".mp4")
"""Files that carry their own marks, so that one can be handed on alone."""


async def item(request: Request) -> Response:
    """The rendering of one sample."""
    it = state_of(request)
    served = it.run(request.path_params["name"])
    address = f"{request.url.path}?{request.url.query}"
    found = served.items.get(address)
    if found is None:
        query = it.query(request, served, ["i"], n=1)
        if query.seed is None and query.between is None:
            raise GankitError("an item has a seed", "Add seed=N")
        number = _index(request)
        call = lambda: served.item(query, number, address)  # noqa: E731
        found = await it.call(request, query.n, call)
    return _content(request, found, {**KEPT} if "v" in request.query_params else {})


async def sheet(request: Request) -> Response:
    """The plugin's own picture or page of many samples."""
    it = state_of(request)
    served = it.run(request.path_params["name"])
    query = _seeded(it.query(request, served))
    found = await it.call(request, query.n, lambda: served.sheet(query))
    return _content(request, found, {**KEPT} if "v" in request.query_params else {})


async def download(request: Request) -> Response:
    """Samples as files with their provenance: a single picture, sound or film as it is, for it
    carries its marks; anything else in an archive with the record."""
    it = state_of(request)
    served = it.run(request.path_params["name"])
    query = _seeded(it.query(request, served, ["format"]))
    format = request.query_params.get("format") or None
    folder = Path(tempfile.mkdtemp(prefix="gankit-serve-"))
    remove = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    try:
        file = await it.call(request, query.n, lambda: _written(served, query, folder, format))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(file, filename=file.name, background=remove)


def _written(served: Served, query: Query, folder: Path, format: str | None) -> Path:
    seeds = "{}-{}".format(*query.between) if query.between else str(query.seed)
    stem = re.sub(r"[^\w.-]+", "-", f"{served.name}-{seeds}")
    if query.n == 1 and (one := _single(served, query, folder / stem, format)) is not None:
        return one
    made = served.save(query, folder / f"{stem}.zip", format).path
    return Path(made)


def _single(served: Served, query: Query, folder: Path, format: str | None) -> Path | None:
    """The one file of a sample, where it carries its own marks."""
    made = Path(served.save(query, folder, format).path)
    files = [p for p in made.rglob("*") if p.is_file() and p.name != RECORD]
    files = [p for p in files if p.suffix in ALONE]
    if len(files) != 1:
        return None
    return files[0].rename(made.with_name(made.name + files[0].suffix))


async def static_file(request: Request) -> Response:
    """The pages' style and script."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise NotHereError(f"no file {name!r} here", "Begin at /")
    return Response(static(name), media_type=STATIC[name], headers=KEPT)


def _seeded(query: Query) -> Query:
    if query.seed is None and query.between is None:
        raise GankitError("these need a seed, or they would be others", "Add seed=N")
    return query


def _index(request: Request) -> int:
    text = request.query_params.get("i") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise GankitError(f"i={text}: not a whole number", "Use 0 or more")
    return int(text)


def _content(request: Request, found: Rendering, headers: dict[str, str]) -> Response:
    """A rendering, or the part of it that was requested: players want to begin anywhere."""
    headers |= {"Content-Security-Policy": ITEM_POLICY, "Accept-Ranges": "bytes"}
    content, size = found.content, len(found.content)
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "").strip())
    if asked is None or asked[0] == "bytes=-" or not size:
        return Response(content, media_type=found.media_type, headers=headers)
    first, last = asked[1], asked[2]
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(content[start : end + 1], 206, headers, found.media_type)
