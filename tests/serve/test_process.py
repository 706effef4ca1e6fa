"""``gankit serve`` as people start and end it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from pages import BLOCK

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "gallery.md"


@pytest.fixture(scope="module")
def server(points):
    """A server of its own process, and its address; ended by Ctrl-C."""
    words = [sys.executable, "-m", "gankit", "serve", str(points), "--port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found is None:
            process.kill()
            pytest.fail(line + process.stderr.read())
        yield found[0]
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "points: toy, 320 samples seen" in told
    assert told.endswith("stopped\n")
    assert "Traceback" not in told


def test_answers(server):
    with urllib.request.urlopen(f"{server}/api/samples?n=2&seed=7") as answer:
        found = json.load(answer)
    assert [item["seed"] for item in found["items"]] == [7, 8]


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_malformed_body_is_refused_in_silence(server, method):
    """That nothing is printed is seen where the server ends."""
    host, _, port = server.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        head = b" / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(method + head + b"ZZ\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 ")
    test_answers(server)


def test_the_guide_s_client_runs(server, capsys):
    page = GUIDE.read_text()
    (code,) = (m["body"] for m in re.finditer(BLOCK, page) if m["language"] == "python")
    code = code.replace("http://127.0.0.1:8000", server).replace("label%3D3", "label%3Db")
    exec(compile(code, str(GUIDE), "exec"), {})  # our own page
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("7 {'label': 'b'} image/png ")


def test_a_port_in_use(gankit_here, points):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = gankit_here("serve", points, "--port", port)
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use. Choose another: --port 8001" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no run at nowhere"),
        (["RUN", "RUN"], "is given twice. Give each run once"),
        (["RUN", "--host", "203.0.113.7"], "203.0.113.7 is no address of this machine"),
        (["RUN", "--host", "no such name"], "no such name is no address of this machine"),
    ],
)
def test_refused_before_anything_is_served(gankit_here, points, words, said):
    done = gankit_here("serve", *[str(points) if w == "RUN" else w for w in words])
    assert done.returncode == 2
    assert said in done.stderr


def test_a_missing_extra_is_one_line(gankit_here, points, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = gankit_here("serve", points)
    assert done.returncode == 2
    assert (
        "gankit serve needs uvicorn, which is not installed. Install it: pip install" in done.stderr
    )
    assert "'gankit[serve]'" in done.stderr


def test_others_need_a_token_or_a_warning(points):
    from gankit.serve.server import prepare

    for token, warned in (("", True), ("sesame", False), ("a b&c=+%#", False)):
        server = prepare([points], host="0.0.0.0", port=0, token=token)
        server.socket.close()
        assert bool(server.warnings) == warned
        (*_, query) = server.address.partition("?")
        assert dict(parse_qsl(query)) == ({"token": token} if token else {})
