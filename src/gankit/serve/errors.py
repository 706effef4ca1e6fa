"""Refusals: one clear sentence, as a page or as JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from gankit.serve.rendering import render

NAMES = {
    400: "Cannot do that",
    401: "Not allowed",
    404: "Not here",
    405: "Not allowed",
    413: "Too large",
    414: "Too long",
    429: "Too many requests",
    500: "Something broke",
    503: "Busy",
}


def refusal(
    request: Request, status: int, message: str, hint: str = "", wait: float = 0.0
) -> Response:
    """What went wrong, as the client reads it: HTML for browsers, JSON for others.

    Args:
        wait: seconds after which to try again; 0 for none.
    """
    headers = {"Retry-After": str(max(round(wait), 1))} if wait else {}
    if status == 405:
        headers["Allow"] = "GET, HEAD"
    if wants_json(request):
        content = {"error": message, **({"hint": hint} if hint else {})}
        return JSONResponse(content, status, headers)
    name = NAMES.get(status, "Cannot do that")
    page = render("error.html.j2", title=name, message=message, hint=hint, wait=wait)
    return HTMLResponse(page, status, headers)


def wants_json(request: Request) -> bool:
    """Whether the client is a program."""
    return request.url.path.startswith("/api/") or "text/html" not in request.headers.get(
        "accept", ""
    )
