"""Training on data at an address: killed connections, a killed process, and secrets."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time

import numpy as np
import PIL.Image
import pytest
from training import final_state
from web import serving
from words import once

pytest.importorskip("aiohttp")
WORDS = [
    *("train", "--plugin", "image", "--device", "cpu", "width=[16]", "blocks=1", "resolution=8"),
    *("train.batch=8", "train.threads=1", "train.precision=fp32", "train.samples=64"),
    *("checkpoint.every=16", "log.every=64", "log.preview_count=4", "log.verdict=0"),
    *("data.remote=stream", "data.cache=never", "data.workers=1"),
]  # fmt: skip
PASSWORD = "s3cret-Passw0rd"


def pack(path, seed=0):
    rng = np.random.default_rng(seed)
    with tarfile.open(path, "w") as archive:
        for i in range(40):
            file = io.BytesIO()
            array = rng.integers(0, 256, (8, 8), dtype=np.uint8)
            PIL.Image.fromarray(array).save(file, "PNG")
            for name, data in (
                (f"{i}.png", file.getvalue()),
                (f"{i}.cls", b"ab"[i % 2 : i % 2 + 1]),
            ):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site").mkdir()
    pack(tmp_path / "site" / "train-000.tar")
    with serving(tmp_path / "site") as server:
        server.password = f"me:{PASSWORD}"
        yield server


def test_killed_in_mid_epoch_it_continues_as_if_it_had_not_been(web, tmp_path, gankit_here):
    address = web.address("train-000.tar").replace("//", f"//me:{PASSWORD}@")
    whole = gankit_here(*WORDS, "--data", address, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    assert "streamed from http://127.0.0.1" in whole.stderr

    words = [*WORDS, "--data", address, "--out", "part"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gankit", *words], cwd=tmp_path, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    while process.poll() is None and not list((tmp_path / "part").glob("checkpoints/0*")):
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    reached = final_state(tmp_path / "part")[1]
    assert reached != final_state(tmp_path / "whole")[1]

    web.kills, web.busy = 2, 1
    resumed = gankit_here(*words)
    assert resumed.returncode == 0, resumed.stderr
    assert web.kills == web.busy == 0
    (a, about), (b, _) = final_state(tmp_path / "whole"), final_state(tmp_path / "part")
    assert a.keys() == b.keys()
    assert all(a[key].equal(b[key]) for key in a), about
    written = [path for path in tmp_path.rglob("*") if path.is_file() and "site" not in path.parts]
    assert len(written) > 10
    assert not [p for p in written if PASSWORD.encode() in p.read_bytes()]

    pack(web.root / "train-000.tar", seed=1)
    changed = gankit_here(*once(*words, "train.samples=128"))
    assert changed.returncode == 2
    assert "the data has changed since the run part started" in changed.stderr.replace(
        str(tmp_path) + os.sep, ""
    )


def test_one_line_where_it_cannot_be_read(web, gankit_here):
    def fails(address, message):
        done = gankit_here(*WORDS, "--data", address, "--out", "run")
        assert done.returncode == 2, done.stderr
        errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert len(errors) == 1
        assert message in errors[0]
        assert "Traceback" not in done.stderr

    fails(web.address("train-000.tar"), "access denied (401)")
    web.password = ""
    fails(web.address("train-001.tar"), "nothing is there")
    web.ranges = False
    fails(web.address("train-000.tar"), "no range requests")
