"""Commands in forks with a fault in them, and what is left of a run afterwards."""

from __future__ import annotations

import json
from pathlib import Path

SMALL = [
    *("train", "--plugin", "toy", "--out", "run", "--seed", "3", "--device", "cpu"),
    *("hidden=8", "count=200", "train.batch=32", "train.threads=1", "train.samples=320"),
    *("checkpoint.every=96", "log.every=64", "log.preview=160", "log.preview_count=4"),
    *("resampling.candidates=3", "resampling.pool_size=64", "log.verdict=0"),
]
"""A run of some tenths of a second with all phases that the toy has."""
COMMAND = """
import errno, os, resource, signal, sys, time
{before}
import gankit.cli
sys.argv = ["gankit", *{words!r}]
gankit.cli.main()
"""
CHANGES = """
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
seen = 0
def watch(event, given):
    global seen
    changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link")
    if event == "open" and isinstance(given[2], int):
        changes = bool(given[2] & WRITES)
    if not changes or PLACE not in str(given[0]):
        return
    seen += 1
    with open("/dev/null"):
        pass
    {then}
sys.addaudithook(watch)
"""
"""Calls ``then`` before each change to files whose path has ``PLACE`` in it."""
DATED = {"SOURCE_DATE_EPOCH": "1700000000"}


def command(words: list[str], before: str = "") -> list[str]:
    """What :class:`Preforked` runs: a command line after some code that prepares the fault."""
    return ["fault", COMMAND.format(before=before, words=[str(word) for word in words])]


def killed_at_change(number: int, place: str) -> str:
    """Kills the process before it changes anything at such a path for the ``number``-th time."""
    then = f"if seen == {number}: os.kill(os.getpid(), signal.SIGKILL)"
    return f"PLACE = {place!r}\n" + CHANGES.format(then=then)


def counting_changes(place: str) -> str:
    """Writes how many changes there are into the file ``changes``."""
    then = "os.write(counter, b'x')"
    opened = "counter = os.open('changes', os.O_CREAT | os.O_WRONLY | os.O_TRUNC)\n"
    return f"PLACE = {place!r}\n{opened}" + CHANGES.format(then=then)


def killed_after(seconds: float) -> str:
    """Another process kills this one after so long, whatever it is doing then."""
    return f"""
victim = os.getpid()
if os.fork() == 0:
    time.sleep({seconds})
    try:
        os.kill(victim, signal.SIGKILL)
    finally:
        os._exit(0)
"""


def outcome(run: Path) -> dict[str, bytes]:
    """The files of a run by which two runs are compared: what they say, without how long it
    took."""
    found = {p.name: p.read_bytes() for p in (run / "model").iterdir() if p.name != "README.md"}
    found |= {p.name: p.read_bytes() for p in (run / "previews").glob("0*")}
    last = sorted((run / "checkpoints").glob("0*"))[-1]
    found[f"{last.name}.safetensors"] = (last / "state.safetensors").read_bytes()
    state = json.loads((last / "state.json").read_text())
    del state["clock"]["seconds"], state["clock"]["began"]
    found[f"{last.name}.json"] = json.dumps(state, sort_keys=True).encode()
    return found


def said(done) -> str:
    """The last line of the error output."""
    return done.stderr.strip().splitlines()[-1]
