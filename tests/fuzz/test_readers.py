"""Damaged files of every kind through every reader: data or a clear error, in bounded time and
memory. ``GANKIT_FUZZ_CASES=1000`` tries more of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from samples import SAMPLES

HERE = Path(__file__).parent
CASES = int(os.environ.get("GANKIT_FUZZ_CASES", "30"))
PLUGINS = sorted({plugin for plugin, _, _ in SAMPLES.values()})


@pytest.mark.parametrize("plugin", PLUGINS)
def test_damaged_files_are_read_or_refused(plugin: str) -> None:
    kinds = [kind for kind, (of, _, _) in SAMPLES.items() if of == plugin]
    done = subprocess.run(
        [sys.executable, str(HERE / "readers.py"), ",".join(kinds), str(CASES)],
        capture_output=True,
        text=True,
        timeout=60 + CASES * len(kinds),
    )
    assert done.returncode == 0, f"after {done.stderr[-2000:]}"
    result = json.loads(done.stdout.splitlines()[-1])
    assert not result["faults"], json.dumps(result["faults"], indent=1)
    assert result["cases"] == CASES * len(kinds)
    assert result["read"]  # the damage is not fatal,
    assert result["refused"]  # nor harmless
