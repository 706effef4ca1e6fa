"""Damages the files of runs in many ways, and runs commands on them within bounds."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

COMMANDS = {
    "list": ["runs", "list", "."],
    "list --json": ["runs", "list", ".", "--json"],
    "show": ["runs", "show", "run"],
    "show --json": ["runs", "show", "run", "--json"],
    "generate": ["generate", "run", "-n", "3", "--out", "out/made", "--overwrite"],
    "generate latest": [
        "generate",
        "run",
        "--weights",
        "latest",
        "-n",
        "3",
        "--out",
        "out/made",
        "--overwrite",
    ],
    "evaluate": ["evaluate", "run", "-n", "20"],
    "train": ["train", "--out", "run"],
    "train --config": ["train", "--config", "run/run.toml", "--dry-run"],
    "augment": ["augment", "run", "--data", "points.csv", "-n", "2", "--out", "out/more.csv"],
    "evaluate model": ["evaluate", "run/model", "--data", "points.csv", "-n", "20"],
}
USED_BY = {
    "run.toml": [*COMMANDS],
    "metrics.jsonl": ["list", "list --json", "show", "show --json", "train", "evaluate"],
    "provenance.json": ["list", "list --json", "show", "show --json", "train", "evaluate"],
    "scores.json": ["show", "show --json", "evaluate"],
    "model/model.json": ["show", "generate", "evaluate", "train", "augment", "evaluate model"],
    "model/generator.safetensors": ["show", "generate", "evaluate", "augment", "evaluate model"],
    "model/latest.safetensors": ["show", "generate latest", "augment", "evaluate model"],
    "model/codec.safetensors": ["generate", "evaluate", "train", "augment"],
    "checkpoints/*/state.json": ["train"],
    "checkpoints/*/state.safetensors": ["train"],
    ".lock": ["train", "list"],
    "log.txt": ["train", "show"],
}
"""Files of a run, and the commands that read them."""
MEMORY = 3 * 2**30
"""Bytes that a command may add to its address space."""
SECONDS = 20
"""After which a command hangs."""
ODD: list[Any] = [
    *(None, True, -1, 0, 1, 2**63, 10**30, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "a", "[/bold]", "\x1b[31m", "\ud800", "7" * 400, "\0", "../..", "é\n"),
    *([], [[]], {}, {"a": 1}, [None], ["x"] * 50, [1e400], [0]),
]


def mutate(file: Path, rng: random.Random) -> str:
    """Damages a file in place; what was done."""
    kinds = [_cut, _flip, _fill, _empty, _binary, _folder, _loop, _long, _absent]
    if file.suffix in (".json", ".jsonl"):
        kinds += [_value] * 12 + [_deep, _twice]
    if file.suffix == ".toml":
        kinds += [_word] * 8
    if file.suffix == ".safetensors":
        kinds += [_header] * 12 + [_claim]
    kind = rng.choice(kinds)
    try:
        kind(file, rng)
    except (ValueError, IndexError, KeyError, AttributeError):
        _cut(file, rng)
    return f"{kind.__name__} {file.name}"


def _cut(file: Path, rng: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: rng.randrange(len(content) + 1)])


def _flip(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice([1, 3, 20])):
        content[rng.randrange(min(len(content), 4000))] = rng.randrange(256)
    file.write_bytes(content)


def _fill(file: Path, rng: random.Random) -> None:
    content = file.read_bytes()
    at = rng.randrange(len(content))
    file.write_bytes(content[:at] + b"\0" * (len(content) - at))


def _empty(file: Path, rng: random.Random) -> None:
    file.write_bytes(b"")


def _binary(file: Path, rng: random.Random) -> None:
    file.write_bytes(rng.randbytes(rng.choice([1, 8, 200])))


def _absent(file: Path, rng: random.Random) -> None:
    file.unlink()


def _folder(file: Path, rng: random.Random) -> None:
    file.unlink()
    file.mkdir()


def _loop(file: Path, rng: random.Random) -> None:
    file.unlink()
    file.symlink_to(file.name)


def _long(file: Path, rng: random.Random) -> None:
    with file.open("ab") as opened:
        opened.write(rng.choice([b"x", b"\n", b"\xff", b"{"]) * 3_000_000)


def _deep(file: Path, rng: random.Random) -> None:
    mark = rng.choice(['{"a":', "["])
    file.write_text(mark * 100_000)


def _twice(file: Path, rng: random.Random) -> None:
    text = file.read_text()
    file.write_text(text.replace("{", '{"plugin": "a", "samples": 3, "plugin": "b", ', 1))


def _value(file: Path, rng: random.Random) -> None:
    lines = [file.read_text()] if file.suffix == ".json" else file.read_text().splitlines()
    number = rng.randrange(len(lines))
    content = json.loads(lines[number])
    _change(content, rng)
    lines[number] = json.dumps(content)
    file.write_text("\n".join(lines) + "\n")


def _change(content: Any, rng: random.Random) -> None:
    places = list(_places(content))
    inside, key = rng.choice(places)
    if rng.random() < 0.2:
        del inside[key]
    else:
        inside[key] = rng.choice(ODD)


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _word(file: Path, rng: random.Random) -> None:
    lines = file.read_text().splitlines()
    number = rng.randrange(len(lines))
    name, equals, _ = lines[number].partition("=")
    odd = ["[]", "{}", "''", "'a'", "-1", "10" * 20, "nan", "inf", "true", "1979-05-27", "{a.b=1}"]
    if equals:
        lines[number] = f"{name}= {rng.choice([*odd, '1e300', '[[' * 3000])}"
    else:
        lines[number] = rng.choice(["[x]", "[[run]]", "", "run = 3"])
    if rng.random() < 0.2:
        lines.pop(number)
    file.write_text("\n".join(lines))


def _header(file: Path, rng: random.Random) -> None:
    content = file.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    if rng.random() < 0.5:
        _change(header, rng)
    else:
        name = rng.choice([k for k in header if k != "__metadata__"])
        other = rng.choice(["I32", "F64", "BOOL", "U8", "BF16", "F8_E4M3", "X"])
        rng.choice(
            [
                lambda: header[name].update(dtype=other),
                lambda: header[name].update(shape=[10**9, 10**9]),
                lambda: header[name].update(shape=header[name]["shape"][::-1]),
                lambda: header.update({"more": header[name]}),
                lambda: header.update({f"{name}x": header.pop(name)}),
                lambda: header[name].update(data_offsets=[0, 10**18]),
            ]
        )()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def _claim(file: Path, rng: random.Random) -> None:
    content = file.read_bytes()
    claimed = rng.choice([10**18, 2**64 - 1, 2**31, len(content), 99_999_999])
    file.write_bytes(struct.pack("<Q", claimed) + content[8:])


# --- Running ------------------------------------------------------------------------------------


class _Hang(BaseException):
    pass


def run_cases(pristine: Path, work: Path, first: int, count: int) -> dict[str, Any]:
    """Runs so many cases in this process; the faults found, as text.

    Args:
        pristine: a folder with ``run`` and ``points.csv``.
        work: an empty folder to work in.
    """
    from gankit.cli import main

    def hang(*_: object) -> None:
        raise _Hang

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, hang)
    faults: list[str] = []
    slowest, started, codes = 0.0, time.monotonic(), {0: 0, 2: 0}
    for case in range(first, first + count):
        rng = random.Random(case)
        place = work / "case"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(pristine, place)
        os.chdir(place)
        pattern = rng.choice([*USED_BY])
        found = sorted(Path("run").glob(pattern))
        done = [mutate(file, rng) for file in found[-1:]]
        name = rng.choice(USED_BY[pattern])
        sys.argv = ["gankit", *COMMANDS[name]]
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
            problem = f"{type(error).__name__}: {str(error)[:200]} ({at.filename}:{at.lineno})"
        finally:
            signal.alarm(0)
        text = out.getvalue() + err.getvalue()
        if not problem and code not in (0, 2):
            problem = f"exit code {code}: {err.getvalue()[-300:]}"
        if not problem and ("Traceback" in text or "\x1b" in text):
            problem = f"shows {text[-300:]!r}"
        if not problem and code == 2:
            last = err.getvalue().strip().splitlines()[-1:]
            if not last or not last[0].startswith("error: ") or len(last[0]) > 2000:
                problem = f"ends with {last!r}"
        if not problem and code == 0 and name.endswith("--json"):
            try:
                json.loads(out.getvalue())
            except ValueError as error:
                problem = f"no JSON: {error}"
        codes[code] = codes.get(code, 0) + 1
        slowest = max(slowest, time.monotonic() - began)
        if problem:
            faults.append(f"case {case}: {', '.join(done)}; {name}: {problem}")
    os.chdir(work)
    shutil.rmtree(work / "case", ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = time.monotonic() - started
    return {
        "cases": count,
        "seconds": seconds,
        "slowest": slowest,
        "peak": peak,
        "codes": {str(code): n for code, n in codes.items()},
        "faults": faults,
    }
