"""Small trained runs, for tests of what is made of them."""

from __future__ import annotations

from pathlib import Path

import gankit
from gankit.api.run import Run

SMALL = {
    "train.batch": 16,
    "train.threads": 1,
    "hidden": 8,
    "count": 200,
    "log.verdict": 0,
    "log.every": 32,
    "log.preview": 32,
    "log.preview_count": 20,
}


def toy_run(out: Path, **settings: object) -> Run:
    """A run of points, of 96 samples, with four previews."""
    return gankit.fit("toy/ring8", out=out, samples=96, settings={**SMALL, **settings})
