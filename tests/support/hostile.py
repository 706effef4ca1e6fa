"""Files of a run as somebody with bad intentions would make them, and commands on such runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = 2 * 2**30
"""Bytes that a command may add to its address space."""
SECONDS = 30
"""After which a command hangs."""
HUGE = 100 * 2**30


def tensors(header: dict[str, Any] | bytes, size: int = 0, length: int | None = None) -> Any:
    """Replaces a file by one of safetensors with this header, and a hole of so many bytes."""

    def make(file: Path) -> None:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        with file.open("wb") as opened:
            opened.write(struct.pack("<Q", len(text) if length is None else length) + text)
            opened.truncate(8 + len(text) + size)

    return make


def text(content: str) -> Any:
    return lambda file: file.write_text(content)


def hole(size: int) -> Any:
    return lambda file: os.truncate(file, size)


def link(target: str) -> Any:
    def make(file: Path) -> None:
        file.unlink()
        file.symlink_to(target)

    return make


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def value(key: str, new: Any) -> Any:
    """Changes a value of a JSON file."""

    def make(file: Path) -> None:
        content = json.loads(file.read_text())
        *path, last = key.split(".")
        inner = content
        for part in path:
            inner = inner[part]
        inner[last] = new
        file.write_text(json.dumps(content))

    return make


def retyped(old: str, new: str) -> Any:
    """Says of a file's tensors that they are of another type of the same size."""

    def make(file: Path) -> None:
        content = file.read_bytes()
        assert old.encode() in content
        file.write_bytes(content.replace(old.encode(), new.encode()))

    return make


def huge(name: str) -> Any:
    """One tensor that fills 100 GB, of which the disk holds nothing."""
    entry = {"dtype": "F32", "shape": [HUGE // 4], "data_offsets": [0, HUGE]}
    return tensors({name: entry}, HUGE)


def claims(elements: int) -> Any:
    """A tensor of so many elements that are not there."""
    entry = {"dtype": "F32", "shape": [elements], "data_offsets": [0, 4 * elements]}
    return tensors({"body.0.weight": entry}, 64)


ANYWHERE: dict[str, Callable[[Path], None]] = {
    "a link to a device": link("/dev/zero"),
    "a link to another file": link("/etc/passwd"),
    "a link to the processor's files": link("/proc/self/mem"),
    "a pipe": pipe,
}
TENSORS = {
    **ANYWHERE,
    "100 GB": huge("x"),
    "a header of 50 GB": tensors(b"{", 50 * 2**30, length=50 * 2**30),
    "a header of 2^64": tensors(b"{}", length=2**64 - 1),
    "a terabyte claimed": claims(10**12),
    "a nested header": tensors(b'{"a":' * 500_000),
    "a header of empty lists": tensors(b'{"a":[' + b"[]," * 1_000_000 + b"0]}"),
    "other types": retyped('"F32"', '"I32"'),
}
JSON = {
    **ANYWHERE,
    "1 GB": hole(2**30),
    "100 MB": text(" " * 10**8),
    "nested": text('{"a":' * 1_000_000),
    "empty lists": text('{"a":[' + "[]," * 3_000_000 + "0]}"),
    "a long number": text('{"format": 1' + "0" * 1_000_000 + "}"),
    "a key twice": text('{"format": 2, "format": 2}'),
}
TOML = {
    **ANYWHERE,
    "a key of many dots": text("a" + ".a" * 200_000 + " = 1"),
    "quoted keys": text('"a"' + ' . "a"' * 200_000 + " = 1"),
    "nested": text("a = " + "[" * 1_000_000),
    "nested tables": text("a = " + "{a=" * 100_000),
    "1 GB": hole(2**30),
}
CASES: list[tuple[str, str, dict[str, Callable[[Path], None]]]] = [
    ("model/generator.safetensors", "generate", TENSORS),
    ("model/codec.safetensors", "generate", TENSORS),
    ("model/ratio.safetensors", "generate", TENSORS),
    ("model/model.json", "generate", JSON),
    ("model/model.json", "generate", {
        "a run that is a path": value("run", "../../escaped"),
        "a run that is an absolute path": value("run", "/tmp/escaped"),
        "a plugin that is a path": value("plugin", "../plugin"),
        "a huge layout": value("layout.shape", [10**9, 10**9]),
        "a huge latent": value("latent_dim", 2**62),
        "many candidates": value("candidates", 2**40),
        "many threads": value("threads", 10**6),
        "huge networks": value("settings.hidden", 10**9),
        "deep networks": value("settings.layers", 10**9),
    }),
    ("run.toml", "generate", TOML),
    ("metrics.jsonl", "show", ANYWHERE | {"1 GB": hole(2**30)}),
    ("provenance.json", "show", JSON),
    ("checkpoints/000000000320/state.json", "train", JSON),
    ("checkpoints/000000000320/state.safetensors", "train", TENSORS),
    ("checkpoints/000000000320/state.safetensors", "train", {
        "100 GB of a known name": huge("ema/body.0.weight"),
    }),
    ("log.txt", "train", {"a link to another file": link("../victim")}),
    (".lock", "train", {"a link to another file": link("../victim")}),
]  # fmt: skip
WORDS = {
    "generate": ["generate", "run", "-n", "3"],
    "show": ["runs", "show", "run"],
    "train": ["train", "--out", "run", "train.samples=352"],
}
VICTIM = "somebody's file\n"


class _Hang(BaseException):
    pass


def run_cases(pristine: Path, work: Path) -> list[dict[str, Any]]:
    """Runs all cases in this process; what each one came to."""
    from gankit.cli import main

    def hang(*_: object) -> None:
        raise _Hang

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, hang)
    results = []
    for name, verb, faults in CASES:
        for fault, make in faults.items():
            shutil.rmtree(work / "case", ignore_errors=True)
            (work / "case").mkdir()
            os.chdir(work / "case")
            shutil.copytree(pristine, "run")
            Path("victim").write_text(VICTIM)
            make(Path("run") / name)
            sys.argv = ["gankit", *WORDS[verb]]
            out, err, code, began = io.StringIO(), io.StringIO(), 0, time.monotonic()
            problem = ""
            signal.alarm(SECONDS)
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except _Hang:
                problem = "hangs"
            except BaseException as error:  # noqa: BLE001 - this is what is looked for
                import traceback

                at = traceback.extract_tb(error.__traceback__)[-1]
                problem = f"{type(error).__name__}: {error} ({at.filename}:{at.lineno})"[:400]
            finally:
                signal.alarm(0)
            if Path("victim").read_text() != VICTIM:
                problem = "the victim's file was changed"
            if [*work.parent.glob("*escaped*"), *Path("/tmp").glob("escaped*")]:
                problem = "something was written elsewhere"
            results.append({
                "file": name, "fault": fault, "verb": verb, "code": code, "problem": problem,
                "seconds": time.monotonic() - began, "stdout": out.getvalue()[-2000:],
                "said": (err.getvalue().strip().splitlines() or [""])[-1],
                "stderr": err.getvalue()[-2000:],
            })  # fmt: skip
    os.chdir(work)
    return results
