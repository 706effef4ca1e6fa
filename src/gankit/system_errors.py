"""Faults of the system, in one place: disks, memory, shared memory, permissions, limits, devices.

They are neither bugs nor the plugin's fault: :func:`translate` makes each one an error of one line
with what to do. The workflows use :func:`translated`, so that Python callers get it too; the
command line translates whatever else arrives.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from gankit.errors import GankitError

_AGAIN = "run the same command again"
_DISK_FULL = {
    "ENOSPC": "Free some space",
    "EDQUOT": "Your quota is used up: free some space",
    "EFBIG": "Free some space, or raise the limit on file sizes (ulimit -f)",
    "EROFS": "Choose a place that is not read-only",
}
_REFUSED = {
    "EACCES": "Check its permissions, or choose another place",
    "EPERM": "Check its permissions, or choose another place",
    "EMFILE": "Raise the limit (ulimit -n 65536), or use fewer workers (data.workers=0)",
    "ENFILE": "Close other programs, or use fewer workers (data.workers=0)",
    "ENAMETOOLONG": "Use a shorter name",
    "ELOOP": "It is a symbolic link to nowhere, or where none may be: check such links",
    "ENOTDIR": "A part of the path is a file: choose another path",
    "EISDIR": "It is a folder where a file is needed: choose another path",
    "ESTALE": f"Mount the network file system again, and {_AGAIN}",
    "EIO": f"Check the disk or its connection, and {_AGAIN}",
    "EBUSY": f"Another program is using it: close it, and {_AGAIN}",
    "ETXTBSY": f"Another program is using it: close it, and {_AGAIN}",
    "ENODEV": f"Check that the disk is connected, and {_AGAIN}",
    "ENXIO": f"Check that the disk is connected, and {_AGAIN}",
    "ETIMEDOUT": f"Check the connection to it, and {_AGAIN}",
    "ENOTCONN": f"Check the connection to it, and {_AGAIN}",
    "EHOSTDOWN": f"Check the connection to it, and {_AGAIN}",
    "EHOSTUNREACH": f"Check the connection to it, and {_AGAIN}",
    "EREMOTEIO": f"Check the connection to it, and {_AGAIN}",
    "ENOLCK": "The file system has no locks: choose another place",
    "ENOTSUP": "The file system does not support it: choose another place",
}


def _numbers(names: dict[str, str]) -> dict[int, str]:
    """By number, of those that this system has."""
    return {getattr(errno, name): hint for name, hint in names.items() if hasattr(errno, name)}


DISK_FULL, REFUSED = _numbers(_DISK_FULL), _numbers(_REFUSED)

_MEMORY = re.compile(
    r"out of memory|not enough memory|(can't|cannot|failed to|unable to|could not) allocate"
    r"|bad_?alloc|ALLOC_FAILED|bad allocation|malloc of size|failed to map segment",
    re.IGNORECASE,
)
_SIZE = re.compile(r"allocate (\d+) bytes|allocate ([\d.]+ [KMGT]i?B)")
_SHARED = re.compile(r"shared memory|</torch_|Bus error|/dev/shm", re.IGNORECASE)
_WORKER = re.compile(r"DataLoader (worker .* (killed|exited)|timed out)", re.DOTALL)
_THREADS = re.compile(r"can't start new thread|Resource temporarily unavailable")
_DEVICE = re.compile(
    r"(busy or unavailable|no kernel image is available|uncorrectable ECC|fallen off the bus"
    r"|no CUDA-capable device|driver version is insufficient|driver initialization failed"
    r"|No CUDA GPUs are available|CUDA unknown error)"
)
_OS_CODE = re.compile(r"\(os error (\d+)\)|\bcode: (\d+), kind|\[errno (\d+)\]", re.IGNORECASE)
_SPACE = os.strerror(errno.ENOSPC)


def translate(
    error: BaseException,
    place: str | Path = "",
    *,
    disk: str = "",
    memory: str = "",
    gpu_memory: str = "",
) -> GankitError | None:
    """The error for the user where the system is at fault; None where it is not.

    Args:
        place: what was being written, where the exception does not name a file.
        disk: what to do about a full or read-only disk, in place of the general hint.
        memory: the same for memory.
        gpu_memory: the same for a GPU's, where that differs.
    """
    text, number = str(error), _errno(error)
    of_worker = _WORKER.search(text) or (_SHARED.search(text) and "CUDA" not in text)
    if isinstance(error, RuntimeError) and of_worker:
        return _worker(text)
    if isinstance(error, MemoryError) or number == errno.ENOMEM or _is_memory(error, text):
        return _out_of_memory(error, text, memory, gpu_memory)
    if isinstance(error, RuntimeError):
        if _THREADS.search(text):
            return _threads()
        if found := _DEVICE.search(text):
            return GankitError(f"the GPU cannot be used: {found[1]}", "Use --device cpu")
        if text.startswith("Symlink loop"):  # Path.resolve before Python 3.13
            number = errno.ELOOP
    if number in (errno.EAGAIN,) and isinstance(error, OSError):
        return _threads()
    if isinstance(error, UnicodeEncodeError) and "surrogates" in error.reason:
        return GankitError(
            f"{error.object[:200]!r} is not valid UTF-8 and cannot be written", "Rename the file"
        )
    file = getattr(error, "filename", None)
    if isinstance(file, bytes | os.PathLike):
        file = os.fsdecode(file)
    # Numbers in place of names are handles; a rename has two names, and writes the second.
    named = getattr(error, "filename2", None) or (file if isinstance(file, str) else "") or place
    if number in DISK_FULL:
        where = named or "the output"
        return GankitError(
            f"cannot write {where}: {os.strerror(number)}", disk or DISK_FULL[number]
        )
    if number in REFUSED:
        doing = f"cannot use {named}" if named else "the system refused"
        return GankitError(f"{doing}: {os.strerror(number)}", REFUSED[number])
    return None


@contextlib.contextmanager
def translated(
    place: str | Path = "", *, disk: str = "", memory: str = "", gpu_memory: str = ""
) -> Iterator[None]:
    """Raises faults of the system within as errors of the user's; see :func:`translate`.

    Raises:
        GankitError: for such a fault.
    """
    try:
        yield
    except GankitError:
        raise
    except Exception as error:
        fault = translate(error, place, disk=disk, memory=memory, gpu_memory=gpu_memory)
        if fault is None:
            raise
        raise fault from error


def reason(error: BaseException) -> str:
    """Why a file could not be read or written, without its name: ``No space left on device``."""
    number = _errno(error)
    if number is not None:
        return os.strerror(number)
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def _errno(error: BaseException) -> int | None:
    """The system's number, also of errors that have it in their text only."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if found := _OS_CODE.search(str(error)):
        return int(found[1] or found[2] or found[3])
    return errno.ENOSPC if _SPACE in str(error) else None


def _is_memory(error: BaseException, text: str) -> bool:
    kind = type(error).__name__
    # A library that no longer fits into memory cannot be imported.
    return "OutOfMemory" in kind or (
        isinstance(error, RuntimeError | ImportError) and _MEMORY.search(text) is not None
    )


def is_gpu_memory(error: BaseException) -> bool:
    """Whether a GPU's memory did not suffice."""
    text = str(error)
    return _is_memory(error, text) and _is_gpu(error, text)


def _is_gpu(error: BaseException, text: str) -> bool:
    """Whether it is a GPU's memory that did not suffice, where it is some memory."""
    # torch.OutOfMemoryError is raised for accelerators only.
    named = type(error).__name__.endswith("OutOfMemoryError")
    return named or any(name in text for name in ("CUDA", "CUDNN", "CUBLAS", "MPS", "HIP", "XPU"))


def _out_of_memory(error: BaseException, text: str, memory: str, gpu_memory: str) -> GankitError:
    gpu = _is_gpu(error, text)
    what = "the GPU is out of memory" if gpu else "out of memory"
    if found := _SIZE.search(text):
        size = f"{int(found[1]) / 2**20:,.0f} MiB" if found[1] else found[2]
        what += f": {size} more were needed"
    hint = (gpu and gpu_memory) or memory
    return GankitError(what, hint or "Close other programs, or use less data")


def _worker(text: str) -> GankitError:
    if _SHARED.search(text):
        return GankitError(
            "the workers that load data are out of shared memory",
            "Use data.workers=0, or enlarge /dev/shm (docker run --shm-size=2g)",
        )
    killed = re.search(r"killed by signal: (\w+)", text)
    how = f"was killed ({killed[1]})" if killed else "ended unexpectedly"
    if "timed out" in text:
        how = "no longer answers"
    return GankitError(
        f"a worker that loads data {how}, perhaps for lack of memory",
        f"Use data.workers=0 or fewer workers, and {_AGAIN}",
    )


def _threads() -> GankitError:
    return GankitError(
        "the system's limit on processes or threads is reached",
        "Raise it (ulimit -u), or use data.workers=0 and train.threads=1",
    )
