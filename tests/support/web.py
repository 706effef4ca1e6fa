"""A web server of a folder, with range requests, that can be told to fail."""

from __future__ import annotations

import base64
import email.utils
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class Web:
    """What the server does, and what it was asked.

    Attributes:
        requests: method, path and range of each request.
        kills: requests of content that are cut off in the middle from now on.
        busy: requests that are answered with 503 from now on.
        kill_every: of so many requests of content, one is cut off; 0 for none.
        delay: seconds before each answer.
        ranges: whether it sends parts of files.
        password: ``user:password`` that it wants, if any.
        moved: bytes of content that it sent.
    """

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        self.requests: list[tuple[str, str, str]] = []
        self.kills = self.busy = self.moved = self.kill_every = 0
        self.delay = 0.0
        self.ranges, self.password = True, ""

    def address(self, name: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/{name}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: Web

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of connections that a client closed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def _answer(self, with_content: bool) -> None:
        web = self.server.web
        wanted = self.headers.get("Range", "")
        time.sleep(web.delay)
        web.requests.append((self.command, self.path, wanted))
        path = web.root / unquote(urlsplit(self.path).path).lstrip("/")
        given = base64.b64encode(web.password.encode()).decode()
        if web.password and self.headers.get("Authorization") != f"Basic {given}":
            return self._error(401)
        if with_content and web.busy:
            web.busy -= 1
            return self._error(503)
        if path.is_dir():
            links = "".join(f'<a href="{p.name}">{p.name}</a>' for p in sorted(path.iterdir()))
            return self._send(200, links.encode(), {"Content-Type": "text/html"}, with_content)
        if not path.is_file():
            return self._error(404)
        data, changed = path.read_bytes(), path.stat().st_mtime
        headers = {"Last-Modified": email.utils.formatdate(changed, usegmt=True),
                   "ETag": f'"{changed}-{len(data)}"'}  # fmt: skip
        status, asked = 200, re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if asked and web.ranges:
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            status, data = 206, data[first : last + 1]
        return self._send(status, data, headers, with_content)

    def _error(self, status: int) -> None:
        self._send(status, b"", {}, True)

    def _send(self, status: int, data: bytes, headers: dict[str, str], with_content: bool) -> None:
        web = self.server.web
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_content:
            every = web.kill_every and len(web.requests) % web.kill_every == 0
            if (web.kills or every) and len(data) > 1:
                web.kills -= web.kills > 0
                data = data[: len(data) // 2]
                self.close_connection = True
            web.moved += len(data)
            with suppress(ConnectionError):  # nobody wants the rest
                self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(root: Path) -> Iterator[Web]:
    """A server of the files below ``root`` on a free port of this machine."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.web = web = Web(root, server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
