"""The files that a graph is exported to: ONNX, and PyTorch's own; and their comparison with torch.

Opset 20 is the first with the inverse real Fourier transform, and is run by ONNX Runtime since 1.17
and by its builds for browsers.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gankit.contract import Progress
from gankit.errors import GankitError

if TYPE_CHECKING:
    from torch import Tensor

    from gankit.engine.sampling.graph import Exportable

OPSET = 20
KEY = "gankit"
"""Of the metadata of an ONNX file: a JSON object. A ``.pt2`` file has it as ``gankit.json``."""
LARGEST = 2**31 - 2**20
"""Bytes of weights in one ONNX file, whose format has no more than 2 GiB."""
TOLERANCE = 1e-3
"""How far a float may be from torch's, as a share of the output's largest magnitude."""
FLIPPED = 0.01
"""The share of an output's integers that may differ: rounding can decide them."""


@dataclass(frozen=True)
class Parity:
    """How far one output is from torch's, for the same inputs."""

    output: str
    error: float
    """The largest absolute difference; of integers, the share of values that differ."""
    largest: float
    """The output's largest magnitude; 0 for integers."""
    values: int
    """Compared."""

    @property
    def holds(self) -> bool:
        return self.error <= (TOLERANCE * max(self.largest, 1e-6) if self.largest else FLIPPED)


def in_words(parity: Parity, n: int) -> str:
    """A line on how far an output is from torch's."""
    if not parity.largest:
        differ = round(parity.error * parity.values)
        return (
            f"{parity.output}: {differ:,} of {parity.values:,} values differ from torch's (n={n})"
        )
    return (
        f"{parity.output}: at most {parity.error:.1e} from torch's, of magnitudes up to "
        f"{parity.largest:.3g} (n={n})"
    )


class GraphFile(ABC):
    """A format of graphs."""

    about: ClassVar[str]
    facts: ClassVar[Mapping[str, Any]] = {}
    """What every file of the format states."""

    needs: ClassVar[Sequence[str]] = ()
    """Modules that must be installed."""

    def check(self) -> None:
        """Raises:
        GankitError: a library is missing.
        """
        for module in self.needs:
            if importlib.util.find_spec(module) is None:
                raise GankitError(
                    f"this export needs the library {module}, which is not installed",
                    "Install it: pip install 'gankit[onnx]'",
                )

    def write(
        self,
        graph: Exportable,
        path: Path,
        about: Mapping[str, Any],
        statement: Mapping[str, str],
        seeds: Sequence[int],
        progress: Progress,
    ) -> tuple[Parity, ...]:
        """Writes the file and compares what it computes for these seeds with torch.

        Args:
            about: stored in the file as JSON.
            statement: stored as texts.

        Raises:
            GankitError: the networks cannot be traced, or the file computes something else.
        """
        with _quiet():
            try:
                self._save(graph.program(seeds[:3]), graph, path, about, statement)
            except GankitError:
                raise
            except Exception as error:  # the exporter raises anything that a network can cause
                raise _untraceable(about["plugin"], error) from error
            progress("comparing with torch", 0, 0)
            arguments = graph.arguments(seeds)
            run = self._runner(path)
            if run is None:
                return ()
            found = run(arguments)
            alone = run(graph.arguments(seeds[:1]))
        wanted = graph(*arguments)
        parity = tuple(_compared(k, w, found[k]) for k, w in wanted.items())
        single = tuple(_compared(k, w[:1], alone[k]) for k, w in wanted.items())
        if wrong := [each for each in (*parity, *single) if not each.holds]:
            raise GankitError(
                f"the exported graph differs from torch: {in_words(wrong[0], len(seeds))}",
                "Nothing was written. Please report it, with the run's plugin and recipe",
            )
        return parity

    @abstractmethod
    def _save(
        self,
        program: Any,
        graph: Exportable,
        path: Path,
        about: Mapping[str, Any],
        statement: Mapping[str, str],
    ) -> None: ...

    @abstractmethod
    def _runner(self, path: Path) -> Callable[[Sequence[Tensor]], dict[str, Any]] | None:
        """What runs the file, to NumPy arrays by output; None where nothing here can."""


class Onnx(GraphFile):
    """ONNX: https://onnx.ai"""

    about = "ONNX, for ONNX Runtime and browsers"
    facts: ClassVar[Mapping[str, Any]] = {"opset": OPSET}

    needs = ("onnx", "onnxscript")

    def _save(
        self,
        program: Any,
        graph: Exportable,
        path: Path,
        about: Mapping[str, Any],
        statement: Mapping[str, str],
    ) -> None:
        import torch
        from onnxscript import optimizer

        held = sum(t.nbytes for t in graph.module.state_dict().values())
        if held > LARGEST:
            raise GankitError(
                f"the generator has {held / 2**30:.1f} GiB of weights, and an ONNX file holds 2",
                "Export to .pt2, which has no such limit",
            )
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            optimize=False,  # its rules take x + 1e-8 for x; runtimes optimise by themselves
            opset_version=OPSET,
        )
        assert made is not None
        model = made.model
        optimizer.inline(model)
        optimizer.fold_constants(model)
        optimizer.remove_unused_nodes(model)
        _name(model, [*graph.inputs], [*graph.decoding.outputs])
        model.producer_name, _, model.producer_version = str(about["software"]).partition(" ")
        model.metadata_props.update(statement)
        model.metadata_props[KEY] = json.dumps(about)
        made.save(str(path))

    def _runner(self, path: Path) -> Callable[[Sequence[Tensor]], dict[str, Any]] | None:
        if importlib.util.find_spec("onnxruntime") is None:
            return None
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        inputs = [each.name for each in session.get_inputs()]
        outputs = [each.name for each in session.get_outputs()]

        def run(arguments: Sequence[Tensor]) -> dict[str, Any]:
            given = {k: v.numpy() for k, v in zip(inputs, arguments, strict=True)}
            return dict(zip(outputs, session.run(None, given), strict=True))

        return run


class Pt2(GraphFile):
    """The archive of ``torch.export``, which ``torch.export.load`` reads."""

    about = "torch.export"

    def _save(
        self,
        program: Any,
        graph: Exportable,
        path: Path,
        about: Mapping[str, Any],
        statement: Mapping[str, str],
    ) -> None:
        import torch

        text = json.dumps({**about, **statement})
        torch.export.save(program, path, extra_files={f"{KEY}.json": text})
        self._outputs = [*graph.decoding.outputs]

    def _runner(self, path: Path) -> Callable[[Sequence[Tensor]], dict[str, Any]]:
        import torch

        module, names = torch.export.load(path).module(), self._outputs

        def run(arguments: Sequence[Tensor]) -> dict[str, Any]:
            found = [each.numpy() for each in module(*arguments)]
            return dict(zip(names, found, strict=True))

        return run


FORMATS: Mapping[str, GraphFile] = {"onnx": Onnx(), "pt2": Pt2()}
"""By the ending of a file."""


def _name(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Names a model's inputs, outputs and first axes; values inside with such names get others."""
    import onnx_ir

    ends = [*model.graph.inputs, *model.graph.outputs]
    names = [*inputs, *outputs]
    for node in model.graph.all_nodes():
        for value in node.outputs:
            if value.name in names:
                value.name = f"{value.name}_inside"
    for value, name in zip(ends, names, strict=True):
        value.name = name
        value.shape = onnx_ir.Shape(["N", *[*value.shape][1:]])


def _compared(output: str, wanted: Tensor, found: Any) -> Parity:
    """How far an output is from torch's."""
    import numpy as np

    own = wanted.numpy()
    if own.shape != found.shape or own.dtype != found.dtype:
        raise GankitError(
            f"the exported graph gives {output} as {found.dtype} {found.shape}, torch as "
            f"{own.dtype} {own.shape}",
            "Nothing was written. Please report it, with the run's plugin and recipe",
        )
    if own.dtype.kind in "iub":
        return Parity(output, float((own != found).mean()), 0.0, own.size)
    error = np.abs(own.astype(np.float64) - found).max(initial=0)
    return Parity(output, float(error), float(np.abs(own).max(initial=0)) or 1.0, own.size)


def _untraceable(plugin: str, error: Exception) -> GankitError:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    reason = next(iter(str(cause).strip().splitlines()), "") or type(cause).__name__
    return GankitError(
        f"the networks of plugin {plugin} cannot be exported: {reason}",
        "Their forward may not branch on values; see docs/how-to/export.md",
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings about itself."""
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
