"""TensorBoard for gankit. Imports nothing heavy: the tracker is imported when training starts."""

from __future__ import annotations

from collections.abc import Iterator

from gankit.contract import Callback, hookimpl

GANKIT_API = 2


@hookimpl
def gankit_callbacks() -> Iterator[Callback]:
    from gankit_tensorboard.callback import TensorBoard

    yield TensorBoard()
