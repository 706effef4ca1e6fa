"""A run by somebody with bad intentions: one line, bounded memory and time, no code executed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from faults import SMALL, command

SUPPORT = Path(__file__).resolve().parents[1] / "support"
CODE = """
import json, sys
from pathlib import Path
sys.path.insert(0, {support!r})
from hostile import run_cases
results = run_cases(Path({pristine!r}), Path({work!r}))
Path({report!r}).write_text(json.dumps(results))
"""
HARMLESS = {
    # What is no file is as if it were not there, and what is not used does no harm.
    ("model/ratio.safetensors", "a pipe"),
    ("model/ratio.safetensors", "a link to a device"),
    ("model/model.json", "a plugin that is a path"),
    ("model/model.json", "a huge layout"),
    ("model/codec.safetensors", "other types"),  # of numbers that the plugin alone knows
    ("metrics.jsonl", "a pipe"),
    ("metrics.jsonl", "a link to a device"),
    ("provenance.json", "a pipe"),
    ("provenance.json", "empty lists"),  # of a name that nothing reads
    ("provenance.json", "a link to a device"),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's memory limits")
def test_hostile_runs(preforked, tmp_path):
    assert preforked(command([*SMALL, "conditional=true"]), tmp_path).returncode == 0
    work, report = tmp_path / "work", tmp_path / "report.json"
    work.mkdir()
    places = {"support": SUPPORT, "pristine": tmp_path / "run", "work": work, "report": report}
    code = CODE.format(**{key: str(place) for key, place in places.items()})
    done = preforked(["hostile", code], tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads(report.read_text())
    for case in results:
        about = json.dumps(case, indent=1)
        assert not case["problem"], about
        assert case["seconds"] < 20, about
        text = case["stdout"] + case["stderr"]
        assert "Traceback" not in text, about
        assert "root:" not in text, f"shows another file: {about}"
        if case["verb"] == "train" and case["file"].startswith("checkpoints"):
            assert case["code"] == 0, about
            assert "cannot be read and was set aside" in case["stderr"], about
        elif (case["file"], case["fault"]) not in HARMLESS:
            assert case["code"] == 2, about
            assert case["said"].startswith("error: "), about
    assert len(results) > 70
