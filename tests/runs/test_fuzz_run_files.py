"""Damaged files of runs through every command: one line or a result, no traceback, no hang.

``GANKIT_FUZZ_CASES=5000`` runs more cases than the usual few.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

CASES = int(os.environ.get("GANKIT_FUZZ_CASES", "120"))
SUPPORT = Path(__file__).resolve().parents[1] / "support"
CODE = """
import json, sys
from pathlib import Path
sys.path.insert(0, {support!r})
from run_files import run_cases
result = run_cases(Path({pristine!r}), Path({work!r}), {first}, {count})
Path({report!r}).write_text(json.dumps(result))
"""


@pytest.fixture(scope="module")
def pristine(gankit_, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pristine")
    words = ["train", "--plugin", "toy", "hidden=8", "count=300", "conditional=true"]
    words += ["train.samples=512", "train.batch=32", "train.threads=1", "checkpoint.every=200"]
    gankit_(*words, "--out", "run", cwd=folder)
    gankit_("evaluate", "run", "-n", "20", cwd=folder)
    made = gankit_("generate", "run", "-n", "30", "--out", "made", cwd=folder)
    assert made.returncode == 0
    model, metrics = folder / "run" / "model", folder / "run" / "metrics.jsonl"
    weights = load_file(model / "generator.safetensors")
    save_file(weights, model / "latest.safetensors", {"samples": "600"})
    *lines, last = metrics.read_text().splitlines()
    event = {"kind": "heal", "state": "collapsing", "text": "restored", "remedy": "raise it"}
    lines.append(json.dumps({**json.loads(last), "events": [event]}))
    metrics.write_text("\n".join(lines) + "\n")
    (folder / "made" / "points.csv").rename(folder / "points.csv")
    return folder


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's memory limits")
def test_damaged_files(preforked, pristine, tmp_path):
    report, work = tmp_path / "report.json", tmp_path / "work"
    work.mkdir()
    code = CODE.format(
        support=str(SUPPORT),
        pristine=str(pristine),
        work=str(work),
        first=int(os.environ.get("GANKIT_FUZZ_FIRST", "0")),
        count=CASES,
        report=str(report),
    )
    done = preforked(["fuzz", code], tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(report.read_text())
    print({k: v for k, v in result.items() if k != "faults"})
    assert not result["faults"], "\n".join(result["faults"])
