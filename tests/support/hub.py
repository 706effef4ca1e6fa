"""A stand-in of the Hugging Face hub: as much of it as an upload by ``huggingface_hub`` needs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """What the stand-in holds.

    Attributes:
        repositories: the content of files by name, by repository.
        private: whether a repository was created private.
        tokens: those that it accepts; all if empty.
        requests: method and path of each request.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.blobs: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self.requests: list[tuple[str, str]] = []


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: Hub


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        hub, name = self._asked()
        if self.path == "/api/whoami-v2":
            return self._send(200, {"name": "me", "type": "user"})
        if name not in hub.repositories:
            return self._send(404, {"error": "Repository not found"}, "RepoNotFound")
        files = hub.repositories[name]
        listed = [{"type": "file", "path": p, "size": len(c), "oid": "0"} for p, c in files.items()]
        return self._send(200, listed)

    def do_PUT(self) -> None:
        self.server.hub.blobs[self.path.rpartition("/")[2]] = self._body()
        self._send(200, {})

    def do_POST(self) -> None:
        hub, name = self._asked()
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if hub.tokens and token not in hub.tokens:
            return self._send(403, {"error": "this token may only read"})
        body = self._body()
        if self.path.endswith("/validate-yaml"):
            return self._send(200, {"errors": [], "warnings": []})
        if self.path.endswith("/repos/create"):
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            hub.repositories[name] = {}
            hub.private[name] = asked.get("private") or asked.get("visibility") == "private"
            return self._send(200, {"url": f"{hub.address}/{name}"})
        if "/preupload/" in self.path:
            files = [
                {
                    "path": f["path"],
                    "uploadMode": "lfs" if f["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for f in json.loads(body)["files"]
            ]
            return self._send(200, {"files": files})
        if self.path.endswith("/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{hub.address}/blob/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            return self._send(200, {"transfer": "basic", "objects": objects})
        assert "/commit/" in self.path, self.path
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                hub.repositories[name][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                hub.repositories[name][value["path"]] = hub.blobs[value["oid"]]
        return self._send(
            200, {"commitUrl": f"{hub.address}/{name}/commit/1", "commitOid": "1", "success": True}
        )

    def _asked(self) -> tuple[Hub, str]:
        """The hub, and the repository that the path names, if any."""
        hub, parts = self.server.hub, self.path.partition("?")[0].strip("/").split("/")
        hub.requests.append((self.command, self.path))
        return hub, "/".join(parts[2:4]) if parts[:2] == ["api", "models"] else ""

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _send(self, status: int, value: Any, code: str = "") -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def standing_in() -> Iterator[Hub]:
    """A hub on loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
