"""The training state on disk: safetensors and JSON, written aside and renamed, rotated.

A checkpoint is a folder ``checkpoints/<samples>``. It appears whole or not at all, and the one
before it stays until it has. What is read is bounded: a plain file, of no more bytes than can be
meant, whatever its header says.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file
from torch import Tensor

from gankit.errors import GankitError
from gankit.plain_files import json_object, tensor_header
from gankit.system_errors import translate

TENSORS, META = "state.safetensors", "state.json"


def save_checkpoint(
    folder: Path,
    samples: int,
    tensors: Mapping[str, Tensor],
    meta: Mapping[str, Any],
    keep: int,
    pinned: Collection[int] = (),
) -> Path:
    """Writes one checkpoint and removes the oldest beyond ``keep``, but for those of ``pinned``
    numbers of samples.

    Raises:
        OSError: the disk is full or not writable; earlier checkpoints are untouched.
        GankitError: the same, where it was met while the tensors were written.
    """
    target = folder / f"{samples:012d}"
    aside, old = (folder / f".{target.name}.{kind}" for kind in ("partial", "old"))
    for left in folder.glob(".*.partial"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    folder.mkdir(exist_ok=True)  # without its parents: a run that was moved is not begun anew
    aside.mkdir()
    try:
        save_file({k: v.contiguous() for k, v in tensors.items()}, aside / TENSORS)
        (aside / META).write_text(json.dumps(meta, indent=1))
        for file in (aside / TENSORS, aside / META, aside):
            _sync(file)
        if target.exists():  # the same point again, after a resume
            shutil.rmtree(old, ignore_errors=True)
            os.replace(target, old)
        os.replace(aside, target)
        _sync(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        fault = translate(error, target)
        if fault is None or isinstance(error, OSError):
            raise
        raise fault from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    for old in checkpoints(folder)[: -max(keep, 1)]:
        if int(old.name) not in pinned:
            shutil.rmtree(old, ignore_errors=True)
    return target


UNREADABLE = ".unreadable"
DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError),
    *(ArithmeticError, MemoryError, RecursionError, SafetensorError),
)
"""What a damaged checkpoint raises when it is read or used."""


def load_checkpoint(
    folder: Path,
    set_aside: bool = True,
    use: Callable[[dict[str, Tensor], dict[str, Any]], None] = lambda tensors, meta: None,
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that can be read and used, or None when there is none.

    Args:
        use: restores the state; where it raises, the checkpoint before is tried, which has to
            restore all of it.
        set_aside: nobody else writes: newer ones that cannot be read are renamed, so that they
            do not count among those kept; :func:`unreadable` lists them.

    Raises:
        GankitError: there are checkpoints, and none can be read.
    """
    if set_aside:
        _recover(folder)
    found, reason = checkpoints(folder), ""
    damaged: list[Path] = []
    for path in reversed(found):
        try:
            state = read_checkpoint(path)
            use(*state)
            for bad in damaged if set_aside else ():
                bad.rename(bad.with_name(bad.name + UNREADABLE))
            return state
        except DAMAGE as error:
            fault = translate(error)
            if fault is not None and not isinstance(error, OSError):
                raise fault from error  # out of memory: the checkpoint is not at fault
            reason = f"{path}: {' '.join(str(error).split())[:300] or type(error).__name__}"
            damaged.append(path)
    if found:
        raise GankitError(f"no checkpoint can be read ({reason})", "Start again with another --out")
    return None


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON of one checkpoint.

    Raises:
        OSError, ValueError, SafetensorError: it is damaged.
    """
    return load_tensors(path / TENSORS), json_object(path / META)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, whose path may have bytes that are not UTF-8.

    Raises:
        OSError, ValueError, SafetensorError: it cannot be read, or is damaged.
    """
    tensor_header(path)
    if (size := path.stat().st_size) > (most := _memory()):
        raise ValueError(f"it has {size:,} bytes, and this machine's memory {most:,.0f}")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return load(path.read_bytes())
    return load_file(path)


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints, oldest first."""
    return sorted(p for p in _folders(folder) if p.name.isdigit())


def _recover(folder: Path) -> None:
    """Gives one its name back that was being replaced when the process was killed."""
    for old in folder.glob(".*.old") if folder.is_dir() else ():
        if not (target := folder / old.name[1:-4]).exists():
            os.replace(old, target)
        else:
            shutil.rmtree(old, ignore_errors=True)


def unreadable(folder: Path) -> list[Path]:
    """The damaged checkpoints that were set aside."""
    return sorted(p for p in _folders(folder) if p.name.endswith(UNREADABLE))


def _folders(folder: Path) -> list[Path]:
    return [p for p in folder.glob("[0-9]*") if p.is_dir()] if folder.is_dir() else []


def _memory() -> float:
    """Bytes of this machine's memory; infinite where that is not known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
