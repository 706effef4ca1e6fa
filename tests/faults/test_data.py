"""Data that changes while it is trained on: the file is named, and after it is fixed the same
command goes on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from faults import command, said

PLUGIN = "image"
IMAGES = [
    *("train", "--plugin", "image", "--recipe", "cpu", "--data", "pictures", "--out", "run"),
    *("resolution=16", "width=8", "train.batch=8", "train.samples=640", "train.threads=1"),
    *("data.cache=never", "checkpoint.every=160", "log.every=80", "log.verdict=0", "--seed", "1"),
    *("guard.action=warn", "--device", "cpu", "flip=false"),
]
AT = """
from gankit.runs.recorder import Recorder
from pathlib import Path
tick = Recorder.tick
def changed(self, values):
    tick(self, values)
    if values["samples"] >= 320 and not Path("done").exists():
        Path("done").touch()
        {change}
Recorder.tick = changed
"""
"""Does something at half of the training, once."""
CHANGES = {
    "vanishes": "os.rename('pictures/07.png', 'kept.png')",
    "is cut": "os.rename('pictures/07.png', 'kept.png'); "
    "Path('pictures/07.png').write_bytes(Path('kept.png').read_bytes()[:60])",
    "becomes a pipe": "os.rename('pictures/07.png', 'kept.png'); os.mkfifo('pictures/07.png')",
}


def png(seed: int) -> bytes:
    import PIL.Image

    pixels = np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for i in range(40):
        (tmp_path / "pictures" / f"{i:02d}.png").write_bytes(png(i))
    return tmp_path


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("fault", CHANGES)
def test_a_picture(preforked, pictures, fault, workers):
    words = [*IMAGES, f"data.workers={workers}"]
    done = preforked(command(words, AT.format(change=CHANGES[fault])), pictures)
    assert done.returncode == 2, done.stderr
    assert "07.png" in said(done)
    assert "Traceback" not in done.stderr
    kept = sorted(p.name for p in (pictures / "run" / "checkpoints").iterdir())
    assert int(kept[-1]) >= 320
    if fault != "vanishes":  # what is damaged is passed over, so that the data is other data
        again = preforked(command(words), pictures)
        assert again.returncode == 2
        assert "the data has changed since the run run started" in said(again)
    (pictures / "pictures" / "07.png").unlink(missing_ok=True)
    (pictures / "kept.png").rename(pictures / "pictures" / "07.png")
    resumed = preforked(command(words), pictures)
    assert resumed.returncode == 0, resumed.stderr
    assert f"at {int(kept[-1]):,} samples" in resumed.stderr or "resum" in resumed.stderr


WORKER = """
from gankit.runs.recorder import Recorder
from pathlib import Path
import subprocess
tick = Recorder.tick
def changed(self, values):
    tick(self, values)
    if values["samples"] >= 320 and not Path("done").exists():
        Path("done").touch()
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        for child in children:
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
Recorder.tick = changed
"""


def test_a_worker_is_killed(preforked, pictures):
    words = [*IMAGES, "data.workers=1"]
    done = preforked(command(words, WORKER), pictures)
    assert done.returncode == 2, done.stderr
    assert "a worker that loads data was killed" in said(done)
    assert "data.workers=0" in said(done)
    again = preforked(command(words), pictures)
    assert again.returncode == 0, again.stderr
