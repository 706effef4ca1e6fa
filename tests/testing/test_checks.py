"""The conformance kit finds what it looks for: a correct modality passes, each fault is named."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from vectors import MLP, VectorCodec, VectorModality

from gankit.contract import (
    Batch,
    CodecState,
    EvaluationData,
    Evaluator,
    Extractor,
    Layout,
    Networks,
    PluginInfo,
    Progress,
    Provenance,
    Sample,
    Source,
)
from gankit.errors import GankitError
from gankit.plugins import LoadedModality
from gankit.testing import CHECKS, CheckFailed, ModalityTests, Result, Subject, run_check
from gankit.testing.running import check_reasons, run_checks

BY_NAME = {check.name: check for check in CHECKS}
Number = tuple[float, int]


# --- A correct modality -------------------------------------------------------------------------


class Identity(Extractor[Number]):
    name, fingerprint = "identity", "1"

    def features(self, items: Sequence[Number]) -> np.ndarray[Any, Any]:
        return np.array(items, dtype=np.float64)


class Mean(Evaluator[Number]):
    name = "mean"

    def evaluate(self, data: EvaluationData[Number], rng: Any) -> dict[str, float]:
        return {"mean": float(np.mean([sample.item[0] for sample in data.generated]))}


@dataclasses.dataclass(frozen=True)
class NumberSettings:
    steep: float = 1.0
    """How steep."""


def noisy(x: Tensor, p: Tensor) -> Tensor:
    return x + p * 0.1 * torch.randn_like(x)


class Numbers(VectorModality):
    """``VectorModality`` with what the engine's tests do without."""

    Settings: type = NumberSettings
    codec: type[VectorCodec] = VectorCodec

    def read(self, source: Any, settings: Any, progress: Progress) -> Source[Any]:
        if source is None:
            return super().read(None, settings, progress)
        try:
            lines = (Path(source) / "numbers.jsonl").read_text().splitlines()
        except OSError as error:
            raise GankitError(f"cannot read {source}: {error.strerror}", "Check it") from None
        return Source([tuple(json.loads(line)[:2]) for line in lines], "of a file")

    def fit_codec(self, items: Sequence[Any], settings: Any, progress: Progress) -> VectorCodec:
        return self.codec()

    def load_codec(self, state: CodecState, settings: Any) -> VectorCodec:
        return self.codec()

    def build_networks(self, layout: Layout, settings: Any) -> Networks:
        return Networks(MLP(4, 2), MLP(2, 1), latent_dim=4, augment=noisy)

    def evaluators(self, settings: Any) -> Sequence[Any]:
        return Identity(), Mean()

    def write(
        self, samples: Iterable[Sample[Any]], target: Path, provenance: Provenance, format: str
    ) -> None:
        rows = ([*s.item, s.seed, {"generated": True}] for s in samples)
        (target / "numbers.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of packages for hooks, which can be imported: a light one and a heavy one."""
    folder = tmp_path_factory.mktemp("hooks")
    for name, line in {"light": "import json", "heavy": "import torch"}.items():
        (folder / f"{name}_hooks").mkdir()
        (folder / f"{name}_hooks" / "__init__.py").write_text(line)
        (folder / f"{name}_hooks" / "modality.py").write_text("from vectors import VectorModality")
    (folder / "light_hooks" / "recipes").mkdir()
    (folder / "light_hooks" / "recipes" / "__init__.py").touch()
    (folder / "light_hooks" / "recipes" / "default.toml").write_text("[recipe]\nsummary = 'x'\n")
    (folder / "light_hooks" / "recipes" / "hasty.toml").write_text("[recipe]\nsummary = 'x'\n")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


INFO = PluginInfo(
    "numbers", "numbers", "light_hooks.modality:VectorModality", suffixes=(".jsonl",)
)


def subject(modality: type[Numbers] = Numbers, info: PluginInfo = INFO) -> Subject:
    return Subject.of(LoadedModality(info, modality(), "gankit", "0"))


@pytest.fixture(scope="module")
def correct() -> Subject:
    return subject()


@pytest.mark.parametrize("name", BY_NAME)
def test_a_correct_modality_passes(name: str, correct: Subject, hooks: Path) -> None:
    result = run_check(correct, BY_NAME[name])
    assert result.status == "passed", result.message


# --- Faults: what check finds them, and what it says ---------------------------------------------

Plant = Callable[[], Subject]
FAULTS: list[tuple[str, str, Plant]] = []


def said(name: str, **changes: Any) -> Plant:
    return lambda: subject(info=dataclasses.replace(INFO, **changes))


FAULTS += [
    ("light-import", "imports numpy torch", said("x", target="heavy_hooks.modality:X")),
    ("light-import", "cannot be imported", said("x", target="no_hooks.modality:X")),
    ("info", "awkward", said("x", name="My Plugin")),
    ("info", "API 99", said("x", api=99)),
    ("info", "suffixes are JSONL", said("x", suffixes=("JSONL",))),
    ("info", "summary", said("x", summary=" ")),
    ("target", "nowhere", said("x", target="light_hooks.modality:Gone")),
    ("target", "no Modality", said("x", target="vectors:MLP")),
    ("recipes", "no missing.toml", said("x", recipes="light_hooks.recipes", default_recipe="missing")),
]
