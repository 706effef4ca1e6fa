"""Data that changes while it is trained on: the file is named, and after it is fixed the same
command goes on."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from faults import command, said

from gankit.runs.directory import read_metrics

PLUGIN = "image"
IMAGES = [
    *("train", "--plugin", "image", "--data", "pictures", "--out", "run", "--seed", "1"),
    *("--device", "cpu", "width=[16]", "blocks=1", "resolution=8", "train.precision=fp32"),
    *("train.batch=8", "train.threads=1", "train.samples=320", "data.cache=never"),
    *("checkpoint.every=80", "log.every=40", "log.preview_count=4", "log.verdict=0"),
]
AT = """
import gankit_image.data.sources
gankit_image.data.sources.KEEP_BYTES = 0  # as of a large data set, which is not kept in memory
from gankit.runs.recorder import Recorder
from pathlib import Path
tick = Recorder.tick
def changed(self, values):
    tick(self, values)
    if values["samples"] >= 160 and not Path("done").exists():
        Path("done").touch()
        {change}
Recorder.tick = changed
"""
"""Does something at half of the training, once."""
EACH = "for file in sorted(Path('pictures').glob('0*.png')): os.rename(file, 'kept-' + file.name)"
"""Some are held out."""
CHANGES = {
    "vanish": EACH,
    "are cut": f"{EACH}; file.write_bytes(Path('kept-' + file.name).read_bytes()[:60])",
    "become pipes": f"{EACH}; os.mkfifo(file)",
}


def png(seed: int) -> bytes:
    import PIL.Image

    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    for i in range(40):
        (tmp_path / "pictures" / f"{i:02d}.png").write_bytes(png(i))
    return tmp_path


@pytest.mark.parametrize(
    ("fault", "workers"), [("vanish", 1), ("are cut", 0), ("are cut", 1), ("become pipes", 0)]
)
def test_pictures(preforked, pictures, fault, workers):
    words = [*IMAGES, f"data.workers={workers}"]
    done = preforked(command(words, AT.format(change=CHANGES[fault])), pictures)
    assert done.returncode == 2, done.stderr
    assert re.search(r"0\d\.png", said(done)), said(done)
    assert "Traceback" not in done.stderr
    kept = sorted(p.name for p in (pictures / "run" / "checkpoints").iterdir())
    assert int(kept[-1]) >= 80
    if fault != "vanish":  # what is damaged is passed over, so that the data is other data
        again = preforked(command(words), pictures)
        assert again.returncode == 2
        assert "the data has changed since the run run started" in said(again)
    for file in pictures.glob("kept-*"):
        file.replace(pictures / "pictures" / file.name.removeprefix("kept-"))
    resumed = preforked(command(words), pictures)
    assert resumed.returncode == 0, resumed.stderr
    seen = [tick["samples"] for tick in read_metrics(pictures / "run")]
    assert seen == sorted({*seen, *range(40, 321, 40)})


WORKER = """
from gankit.runs.recorder import Recorder
from pathlib import Path
import subprocess
tick = Recorder.tick
def changed(self, values):
    tick(self, values)
    if values["samples"] >= 160 and not Path("done").exists():
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
