"""Several processes for one command: torch's own launcher starts them, and they find each other.

``gankit train --nproc 4`` is ``torchrun --standalone --nproc-per-node 4 -m gankit train`` with exit
codes and messages of one command. Under any launcher that sets torchrun's variables (Slurm,
Kubernetes, a shell), commands join the other processes alike.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gankit import launched
from gankit.errors import GankitError, LostProcessError
from gankit.runs.directory import next_run
from gankit.workflows.interrupts import SIGNALS

if TYPE_CHECKING:
    from gankit.engine.parallel import ParallelContext

PATIENCE = "GANKIT_RENDEZVOUS_SECONDS"
"""How long processes wait for the others to start; 600 seconds by default."""
OWN_STORE = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"
"""Gives each start of the processes a store of its own. torchrun's agent keeps one for all starts
by default, where those of a second one may find the addresses of the first, and wait for them
without end (torch 2.11)."""
LONGEST = timedelta(days=1)
"""How long one process may be busy alone, as with a codec that is trained, before the others give
up. One that ends is noticed at once."""
BAD_INPUT, INTERRUPTED = 2, 130
"""Exit codes of a command that has decided to end."""


def launch(words: Sequence[str], nproc: int, max_restarts: int = 0) -> int:
    """Runs ``gankit WORDS`` in several processes of this machine, and gives its exit code.

    With several machines, the same command runs on each of them, and torchrun's variables name the
    place where they meet: ``PET_NNODES``, ``PET_RDZV_ENDPOINT``, ``PET_RDZV_BACKEND``.

    Args:
        nproc: how many processes.
        max_restarts: how often all are started again when one dies.

    Raises:
        GankitError: more processes than the machine has GPUs or cores.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch
    from torch.distributed.run import config_from_args, parse_args

    cores = available(nproc)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(cores // nproc, 1)))
    os.environ[OWN_STORE] = "1"
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    here = [] if "PET_RDZV_ENDPOINT" in os.environ else ["--standalone"]
    options = [*here, f"--nproc-per-node={nproc}", f"--max-restarts={max_restarts}"]
    args = parse_args([*options, "-m", "gankit"])  # type: ignore[no-untyped-call]
    if args.standalone:
        args.rdzv_backend, args.rdzv_endpoint = "c10d", "localhost:0"
        args.rdzv_id = f"gankit-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="gankit-") as told:
        os.environ[launched.OUTCOME] = told
        config, command, arguments = config_from_args(args)
        try:
            elastic_launch(config, command)(*arguments, *words)
        except SignalException:
            return _outcome() or INTERRUPTED
        except ChildFailedError as error:
            _, failure = error.get_first_failure()
            if not _outcome() and failure.exitcode < 0:
                name = signal.Signals(-failure.exitcode).name
                by_itself = "; --max-restarts 3 does so by itself" if "train" in words else ""
                raise LostProcessError(
                    f"process {failure.local_rank} of {nproc} was killed ({name})",
                    "The same command goes on from what was saved" + by_itself,
                ) from None
            return _outcome() or 1
        return _outcome()


def available(nproc: int) -> int:
    """The processor's cores that this command may use, where it starts so many processes.

    Raises:
        GankitError: fewer GPUs or cores than processes.
    """
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpus = torch.cuda.device_count()
    most, what = (gpus, "GPU") if gpus else (cores or 1, "core")
    if nproc > most:
        raise GankitError(
            f"--nproc {nproc}: this machine has {most} {what}{'s' if most > 1 else ''}",
            f"Use --nproc {most}" if most > 1 else "Leave out --nproc",
        )
    return cores or 1


# --- In each of the processes -----------------------------------------------------------------


@contextlib.contextmanager
def joined(device: str = "auto") -> Iterator[ParallelContext]:
    """Joins the processes that a launcher started with this one, for as long as the context lasts.
    A group that exists already, as Ray Train's, is used; without a launcher this process is alone.

    Args:
        device: as for ``choose_device``: with GPUs, each process of a machine has its own.

    Raises:
        GankitError: the others did not come, or there are too few GPUs.
    """
    import torch.distributed as dist
    from torch.distributed.rendezvous import rendezvous

    from gankit.engine.parallel import ParallelContext

    if launched.size() == 1 or (dist.is_available() and dist.is_initialized()):
        yield ParallelContext.current()
        return
    if launched.rank():  # signals reach all: the main process decides, and its end ends the rest
        for number in SIGNALS:
            signal.signal(number, lambda *given: None)
    if _shares_store() and launched.restarts()[1] and launched.local_size() < launched.size():
        raise GankitError(
            "torchrun restarts processes on several machines with the addresses of those that died",
            f"Set {OWN_STORE}=1 for it",
        )
    on_gpu = use_own_gpu(device)
    patience = _patience()
    try:
        # The store waits for all to come; the group, for one that is busy alone.
        store, rank, size = next(rendezvous("env://", timeout=patience))
        if _shares_store():  # on one machine, all know how often they were started
            start = f"start {launched.restarts()[0]}"
            store = dist.PrefixStore(start, store)  # type: ignore[attr-defined]
        store.set_timeout(LONGEST)
        backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=LONGEST)
    except (dist.DistError, RuntimeError, ValueError, OSError) as error:
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        reason = " ".join(str(error).split())[:200]
        raise GankitError(
            f"process {launched.rank()} did not meet the other {launched.size() - 1} at {address} "
            f"within {patience.total_seconds():g} s ({reason})",
            f"Check that all were started, and that they reach that address; {PATIENCE} waits "
            "longer",
        ) from error
    try:
        yield ParallelContext.current()
    finally:
        dist.destroy_process_group()


def _patience() -> timedelta:
    """How long to wait for the other processes.

    Raises:
        GankitError: the variable is no number of seconds.
    """
    text = os.environ.get(PATIENCE) or "600"
    if not text.isdecimal() or not 0 < int(text) <= LONGEST.total_seconds():
        raise GankitError(f"{PATIENCE}={text!r} is not a number of seconds", "Use 1 to 86400")
    return timedelta(seconds=int(text))


def _shares_store() -> bool:
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def use_own_gpu(device: str) -> bool:
    """Makes a GPU of its own the one that a launched process computes on; whether there is one.

    Raises:
        GankitError: as for :func:`joined`.
    """
    import torch

    on_gpu = torch.cuda.is_available() and device.startswith(("auto", "cuda"))
    if on_gpu:
        torch.cuda.set_device(_own_gpu(device))
    return on_gpu


def _own_gpu(device: str) -> int:
    """The number of this process's GPU.

    Raises:
        GankitError: there is none, or one is named for all.
    """
    import torch

    here, count = launched.local_rank(), torch.cuda.device_count()
    if device.startswith("cuda:") and launched.local_size() > 1:
        raise GankitError(
            f"--device {device} names one GPU for {launched.local_size()} processes",
            "Use --device cuda: each takes its own",
        )
    if here >= count:
        raise GankitError(
            f"process {here} of this machine has no GPU: there are {count}",
            f"Start {count} processes here, or use --device cpu",
        )
    return here


def new_run(parallel: ParallelContext, stem: str) -> Path:
    """The directory of a new run, ``runs/STEM-001``, that the main process chooses for all. A
    restart finds it again.

    Raises:
        GankitError: another launcher may restart the processes, and has no place to tell it.
    """
    told, chosen = os.environ.get(launched.OUTCOME), ""
    with parallel.together():
        if parallel.is_main:
            note = Path(told) / "run" if told else None
            if note is None and launched.restarts()[1]:
                raise GankitError(
                    "a launcher that restarts processes needs to know the run", "Give --out RUN"
                )
            known = note is not None and note.is_file()
            chosen = note.read_text() if note and known else str(next_run(Path("runs"), stem))
            if note is not None:
                note.write_text(chosen)
    return Path(parallel.from_main(chosen))


def settle(code: int) -> int:
    """The exit code of a process that ends by a decision: under ``--nproc`` the command's is told
    aside, so that what no restart would change is not started again."""
    folder = os.environ.get(launched.OUTCOME)
    if folder is None or launched.size() == 1 or code not in (BAD_INPUT, INTERRUPTED):
        return code
    file = Path(folder) / "exit"
    if not file.is_file():
        file.write_text(str(code), encoding="utf-8")
    return 0


def _outcome() -> int:
    """The exit code that the processes told, or 0."""
    file = Path(os.environ[launched.OUTCOME]) / "exit"
    return int(file.read_text(encoding="utf-8")) if file.is_file() else 0


def end_if_settled() -> None:
    """Ends a process that was started again although another had decided to end."""
    if os.environ.get(launched.OUTCOME) and launched.size() > 1 and _outcome():
        sys.exit(0)
