"""What ``gankit serve`` delivers to many clients at once, and whether its memory stays flat.

A server of its own process; clients in this one ask for fresh samples over kept connections, each
as soon as it has its answer. Prints, for one client and for many: answers and samples per second,
the median and the 99th percentile of the waiting time, errors, and the server's resident memory
before, halfway and after. Clients and server share the machine's processors.

Usage: python benchmarks/serving.py [RUN] [--clients 64] [--seconds 60] [-n 16] [--embed]
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SMALL = ("train.threads=1", "hidden=64", "log.verdict=0", "--samples=20k")


def trained(folder: Path) -> Path:
    """A small run of points."""
    words = ["train", "--plugin", "toy", "--out", str(folder / "toy"), *SMALL]
    subprocess.run([sys.executable, "-m", "gankit", *words], check=True, capture_output=True)
    return folder / "toy"


def memory(process: int) -> float:
    """Resident memory of a process, MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found, "no VmRSS"
    return int(found[1]) / 1024


class Client(threading.Thread):
    """Asks until the time is up."""

    def __init__(self, port: int, path: str, ends: float) -> None:
        super().__init__(daemon=True)
        self.port, self.path, self.ends = port, path, ends
        self.waits: list[float] = []
        self.errors: dict[str, int] = {}

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.monotonic() < self.ends:
            began = time.monotonic()
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                answer.read()
                status = "" if answer.status == 200 else str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                status = type(error).__name__
            if status:
                self.errors[status] = self.errors.get(status, 0) + 1
            else:
                self.waits.append(time.monotonic() - began)


def measure(port: int, process: int, clients: int, seconds: float, n: int, embed: bool) -> str:
    """A row of the table."""
    before = memory(process)
    path = f"/api/samples?n={n}" + ("&embed=1" if embed else "")
    ends = time.monotonic() + seconds
    asking = [Client(port, path, ends) for _ in range(clients)]
    for client in asking:
        client.start()
    time.sleep(seconds / 2)
    halfway = memory(process)
    for client in asking:
        client.join(90)
    waits = sorted(wait for client in asking for wait in client.waits)
    errors: dict[str, int] = {}
    for client in asking:
        for kind, count in client.errors.items():
            errors[kind] = errors.get(kind, 0) + count
    wrong = ", ".join(f"{count} {kind}" for kind, count in errors.items()) or "0"
    rate = len(waits) / seconds
    median, most = statistics.median(waits) * 1000, waits[int(0.99 * (len(waits) - 1))] * 1000
    return (
        f"| {clients} | {len(waits):,} | {rate:.1f} | {rate * n:,.0f} "
        f"| {median:.0f} | {most:.0f} | {wrong} "
        f"| {before:.0f}, {halfway:.0f}, {memory(process):.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("-n", type=int, default=16)
    parser.add_argument("--embed", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or trained(Path(folder))
        words = [sys.executable, "-m", "gankit", "serve", str(run), "--port", "0"]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        ) as server:
            assert server.stdout is not None, "it is piped"
            found = re.search(r":(\d+)/", server.stdout.readline())
            if found is None:
                sys.exit("the server did not start")
            measure(int(found[1]), server.pid, 1, 1, given.n, given.embed)  # to warm up
            print(f"{given.n} samples an answer, {given.seconds:g} s each.\n")
            print(
                "| clients | answers | answers per s | samples per s | median wait, ms "
                "| 99th percentile, ms | errors | MiB before, halfway, after |"
            )
            print("|---|---|---|---|---|---|---|---|")
            for clients in (1, given.clients):
                about = clients, given.seconds, given.n, given.embed
                print(measure(int(found[1]), server.pid, *about), flush=True)
            server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
