"""Runs code in several processes that form a group of torch.distributed, over gloo and a file."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 300.0
"""Seconds after which processes that still run are ended."""

START = """
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
torch.set_num_threads(1)
if size > 1:
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank,
                            world_size=size, timeout=timedelta(seconds=60))
"""
END = """
if size > 1:
    dist.barrier()  # a process that ends while others still talk to it takes them down
    dist.destroy_process_group()
"""


def run_in_processes(code: str, folder: Path, size: int) -> None:
    """Runs ``code`` in ``size`` processes, which know their ``rank``, ``size`` and ``folder``.

    Raises:
        AssertionError: one failed; the message has its traceback.
    """
    command = [sys.executable, "-W", "ignore", "-c", START + code + END]
    processes: list[subprocess.Popen[str]] = []
    files = [folder / f"stderr-{rank}.txt" for rank in range(size)]
    for rank, file in enumerate(files):
        with file.open("w") as errors:
            words = [*command, str(rank), str(size), str(folder)]
            processes.append(subprocess.Popen(words, stderr=errors, text=True))
    ends = time.monotonic() + PATIENCE
    while any(process.poll() is None for process in processes):
        if time.monotonic() > ends or any(process.returncode for process in processes):
            time.sleep(1)  # the others may fail for the same reason, and report it
            for process in processes:
                process.kill()
                process.wait()
        time.sleep(0.02)
    (folder / "group").unlink(missing_ok=True)
    failed = {
        rank: files[rank].read_text() for rank, p in enumerate(processes) if p.returncode != 0
    }
    assert not failed, "".join(f"process {rank}:\n{text}" for rank, text in failed.items())
