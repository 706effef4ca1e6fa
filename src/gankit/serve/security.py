"""Who may use the server, and what a browser may do with its pages."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from h11 import LocalProtocolError
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gankit.serve.errors import refusal
from gankit.serve.limits import Limits

PAGE_POLICY = (
    "default-src 'none'; img-src 'self' data:; media-src 'self' data:; style-src 'self'; "
    "script-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Pages load nothing from elsewhere, and stand in no other page."""
ITEM_POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; media-src data:; font-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
"""What a plugin renders has an origin of its own: it cannot reach the server, nor the network."""
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
"""Of every response that does not state its own."""


class Guard:
    """Checks requests before anything else does, and adds :data:`HEADERS`.

    Args:
        hosts: names by which the server may be addressed, without ports; all if empty. Pages of
            other sites can make their name resolve to this machine (DNS rebinding), and would
            otherwise read the answers.
        token: that requests have to carry; none is needed if empty.
    """

    def __init__(self, app: ASGIApp, limits: Limits, hosts: Sequence[str], token: str) -> None:
        self.app, self.limits, self.hosts = app, limits, hosts
        self.digest = hashlib.sha256(token.encode()).hexdigest() if token else ""
        self.cookie = f"gankit-{self.digest[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            with contextlib.suppress(LocalProtocolError):  # a malformed body was answered already
                await send(message)

        refused = self._refusal(Request(scope))
        await (refused or self.app)(scope, receive, marked)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that goes no further."""
        if request.method not in ("GET", "HEAD"):
            return refusal(request, 405, f"{request.method}: pages are only read", "Use GET")
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.limits.body:
            return refusal(request, 413, "the request has a body that is too large", "Leave it out")
        if len(request.url.path) + len(request.scope["query_string"]) > self.limits.url:
            return refusal(
                request, 414, f"the address has more than {self.limits.url:,} bytes", "Shorten it"
            )
        if self.hosts and _host(request) not in self.hosts:
            return refusal(
                *(request, 400, "this server has another name"),
                f"Open http://{self.hosts[0]}, with the port that it was started on",
            )
        return self._unauthorised(request) if self.digest else None

    def _unauthorised(self, request: Request) -> Response | None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        given = [value for name, value in pairs if name == "token"]
        if scheme.lower() == "bearer" and self._holds(_digest(bearer.strip())):
            return None
        if given and self._holds(_digest(given[0])):  # once: the address is then rid of it
            rest = urlencode([pair for pair in pairs if pair[0] != "token"])
            path = "/" + request.url.path.lstrip("/")  # two slashes begin the name of a host
            answer: Response = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(self.cookie, self.digest, httponly=True, samesite="lax")
            return answer
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            found = None
        if found is not None and self._holds(found.value):
            return None
        answer = refusal(
            *(request, 401, "this server needs its token"),
            "Open the address that `gankit serve` printed, or send Authorization: Bearer TOKEN",
        )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _holds(self, digest: str) -> bool:
        return secrets.compare_digest(digest.encode(), self.digest.encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _host(request: Request) -> str:
    """The name in the request's Host header, without the port."""
    host = request.headers.get("host", "").strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
