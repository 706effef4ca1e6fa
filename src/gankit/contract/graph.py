"""Decoding as a part of the graph that ``gankit export`` writes.

The exported graph is the generator and, behind it, what a codec's :class:`DecodingGraph` computes.
Without one, the output is the generator's as it is, and the file says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Draws:
    """Random numbers that decoding needs, as a further input of the graph."""

    about: str
    """What they are, in a line: distribution, shape, and which function of a seed gives them."""
    of_seeds: Callable[[Sequence[int]], Tensor]
    """Those of :meth:`Codec.decode` for these seeds, ``(N, …)``."""


@dataclass(frozen=True)
class DecodingGraph:
    """What follows the generator in an exported graph."""

    module: nn.Module
    """``(x (N, *layout.shape), c (N, width) | None, *draws) -> tensor, or tuple of tensors``, the
    first axis of each being N. Traced by ``torch.export``, so that no branch may depend on values;
    its buffers are stored with the graph."""
    outputs: Mapping[str, str]
    """Each tensor's name, in order, and what it holds in a line: axes, unit, range."""
    draws: Mapping[str, Draws] = field(default_factory=dict)
    """Further inputs by their names, in order."""
    decoding: Mapping[str, Any] = field(default_factory=dict)
    """What a consumer needs beside the tensors, such as the texts that indices stand for, as JSON.
    It is stored in the file and read by anybody: nothing that :meth:`Codec.state` would not hold.
    """
    left_out: Sequence[str] = ()
    """What :meth:`Codec.decode` does and the graph does not, a clause each."""


@runtime_checkable
class DecodesInGraph(Protocol):
    """For codecs whose decoding, or much of it, is a computation on tensors."""

    def decoding_graph(self) -> DecodingGraph:
        """What to compute from the generator's output in an exported graph."""
