"""Faults of the system become one line with what to do; other errors stay as they are."""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pytest
import torch

from gankit.errors import GankitError
from gankit.system_errors import reason, translate, translated


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError(errno.ENOSPC, "full", "a.txt"), "cannot write a.txt: No space left", "Free some"),
        (OSError(errno.ENOSPC, "full"), "cannot write here: No space left", "Free some space"),
        (OSError(errno.EDQUOT, "quota", "a"), "cannot write a: Disk quota exceeded", "quota"),
        (OSError(errno.EFBIG, "big", "a"), "cannot write a: File too large", "ulimit -f"),
        (OSError(errno.EROFS, "ro", "a"), "cannot write a: Read-only file system", "read-only"),
        (OSError(errno.EACCES, "", "a"), "cannot use a: Permission denied", "permissions"),
        (OSError(errno.EMFILE, "many", "a"), "cannot use a: Too many open files", "ulimit -n"),
        (OSError(errno.ENAMETOOLONG, "", "a"), "cannot use a: File name too long", "shorter"),
        (OSError(errno.ESTALE, "", "a"), "cannot use a: Stale file handle", "Mount"),
        (OSError(errno.EIO, "", b"a"), "cannot use a: Input/output error", "Check the disk"),
        (OSError(errno.ELOOP, "", "a"), "cannot use a: Too many levels", "links"),
        (RuntimeError("Symlink loop from '/a'"), "cannot use here: Too many levels", "links"),
        (OSError(errno.EIO, "", "a", None, "b"), "cannot use b", "Check the disk"),
        (BlockingIOError(errno.EAGAIN, "fork"), "limit on processes or threads", "ulimit -u"),
        (RuntimeError("can't start new thread"), "limit on processes or threads", "workers=0"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory", "Close other"),
        (MemoryError(), "out of memory", "Close other programs"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't "
                         "allocate memory: you tried to allocate 6400000000 bytes. Error code 12"),
            "out of memory: 6,104 MiB more were needed",
            "Close other programs",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has …"),
            "the GPU is out of memory: 20.00 GiB more were needed",
            "Close other programs",
        ),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors"), "the GPU is out of", ""),
        (torch.OutOfMemoryError("HIP out of memory"), "the GPU is out of memory", ""),
        (RuntimeError("CUDNN_STATUS_ALLOC_FAILED"), "out of memory", ""),
        (RuntimeError("std::bad_alloc"), "out of memory", ""),
        (ImportError("/a.so: failed to map segment from shared object"), "out of memory", "Close"),
        (pa.ArrowMemoryError("malloc of size 67108864 failed"), "out of memory", "Close other"),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
            r"a worker that loads data was killed \(Killed\)",
            "data.workers=0",
        ),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error. It is possible "
                         "that dataloader's workers are out of shared memory."),
            "out of shared memory",
            "data.workers=0",
        ),
        (RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly"), "ended unexp", "=0"),
        (RuntimeError("unable to allocate shared memory(shm) for file </torch_1>"), "shared", "=0"),
        (RuntimeError("CUDA-capable device(s) is/are busy or unavailable"), "the GPU", "cpu"),
        (Exception("I/O error: No space left on device (os error 28)"), "cannot write h", "Free"),
        (Exception('IoError(Os { code: 30, kind: ReadOnly, message: "…" })'), "Read-only", "place"),
    ],
)  # fmt: skip
def test_faults_of_the_system(error, message, hint):
    with pytest.raises(GankitError, match=message) as found, translated("here"):
        raise error
    assert hint in found.value.hint
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
        OSError("encoder error"),
        ImportError("No module named 'a'"),
        KeyError("memory"),
    ],
)
def test_other_errors_are_not_the_system_s(error):
    assert translate(error) is None
    with pytest.raises(type(error)), translated("here"):
        raise error


def test_hints_of_the_caller():
    disk = translate(OSError(errno.ENOSPC, ""), "run", disk="Resume later")
    memory = translate(MemoryError(), memory="Use train.accumulate=2")
    assert (disk.hint, memory.hint) == ("Resume later", "Use train.accumulate=2")
    for error, hint in ((torch.OutOfMemoryError(), "bf16"), (MemoryError(), "workers")):
        assert translate(error, memory="workers", gpu_memory="bf16").hint == hint


def test_errors_for_the_user_pass():
    with pytest.raises(GankitError, match="mine"), translated("here"):
        raise GankitError("mine")


def test_reasons():
    assert reason(OSError(errno.ENOSPC, "", "a")) == os.strerror(errno.ENOSPC)
    assert reason(ValueError("a\n  b")) == "a b"
    assert reason(ValueError()) == "ValueError"


def test_a_name_that_is_not_utf_8():
    with pytest.raises(GankitError, match="is not valid UTF-8"), translated("here"):
        "a\udce9".encode()
