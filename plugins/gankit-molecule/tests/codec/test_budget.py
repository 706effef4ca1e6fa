"""A codec that is trained ends with its time, and resumes where it was stopped."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from rdkit import Chem

from gankit.contract import Batch, Fitting
from gankit.kit.autoencoders import training as kit_training
from gankit_molecule.codec import training
from gankit_molecule.codec.codec import MoleculeCodec
from gankit_molecule.codec.fitting import fit
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.settings import MoleculeSettings

RINGS = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1", "C1CCNC1", "c1ccoc1")
LINKS = ("C", "CC", "OC", "C(=O)N", "NC(=O)", "CCC", "S", "SC", "NC", "CN")
ENDS = ("C", "CC", "O", "N", "F", "Cl", "OC", "C#N", "CO", "CS")
MANY = sorted(
    Chem.CanonSmiles(end + link + ring + tail)
    for end, link, ring, tail in product(ENDS, LINKS, RINGS, ("", "C", "CC", "N", "O"))
    if Chem.MolFromSmiles(end + link + ring + tail) is not None
)
MANY = list(dict.fromkeys(MANY))
FEW = MANY[::20]
SMALL: dict[str, Any] = {
    "width": 32,
    "latent": 8,
    "smooth": 0.3,
    "vocabulary": 40,
    "epochs": 60,
    "workers": 1,
    "conditions": ("logp", "mw"),
}


@dataclass
class Clock:
    """Fake time: each look at it takes a while."""

    left: float
    tick: float
    seen: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.seen.append(self.left)
        self.left -= self.tick
        return self.seen[-1]


@dataclass
class Steps:
    """Follows the steps of a training by its progress."""

    done: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def __call__(self, what: str, done: int, total: int) -> None:
        if what.startswith("training the"):
            self.done.append(done)
            self.labels.append(what)


def run(
    smiles: list[str],
    cache: Path | None = None,
    time_left: Callable[[], float] = lambda: math.inf,
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    **changed: Any,
) -> MoleculeCodec:
    torch.manual_seed(0)
    fitting = Fitting(progress, time_left, stopped, cache)
    settings = MoleculeSettings(**{**SMALL, **changed})
    return fit([Molecule(s) for s in smiles], settings, fitting)


def files(cache: Path, kind: str) -> list[str]:
    return sorted(p.name for p in cache.glob(f"{kind}/*"))


def same(a: MoleculeCodec, b: MoleculeCodec) -> bool:
    x, y = a.state().tensors, b.state().tensors
    return x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x)


def usable(codec: MoleculeCodec) -> None:
    batch = codec.prepare(codec.encode([Molecule(s) for s in FEW[:8]], np.random.default_rng(0)))
    assert batch.x.isfinite().all()
    assert math.isfinite(codec.loss)
    c = codec.sample_conditions({}, range(4))
    assert len(codec.decode(Batch(torch.randn(4, 8), c), range(4))) == 4


def test_training_ends_with_the_time(tmp_path: Path) -> None:
    assert len(MANY) > 2000
    clock, steps, rates = Clock(60.0, 0.4), Steps(), list[float]()
    with pytest.MonkeyPatch.context() as patched:
        rate = kit_training.rate
        patched.setattr(
            kit_training, "rate", lambda *given: rates.append(rate(*given)) or rates[-1]
        )
        codec = run(MANY, tmp_path, clock, progress=steps, epochs=1000)
    usable(codec)
    assert clock.left > -4  # a few looks after the end
    planned = 1000 * len(MANY) / training.BATCH_SIZE["cpu"]
    assert steps.done[-1] <= planned
    assert len(rates) / 2 < planned / 50
    assert rates[-2] < 0.02 * max(rates)  # what was used; the other is the rate without a limit
    assert "SMILES autoencoder, " in steps.labels[-1]
    assert " s of the budget (loss " in steps.labels[-1]
    assert files(tmp_path, "autoencoders") == []
    assert [name.endswith("-limited.safetensors") for name in files(tmp_path, "training")] == [True]


def test_the_next_run_with_a_limit_goes_on_and_one_without_starts_anew(tmp_path: Path) -> None:
    run(FEW, tmp_path, Clock(20.0, 0.3))
    steps = Steps()
    run(FEW, tmp_path, Clock(1e9, 0.0), progress=steps)
    assert steps.done[0] > 20
    assert files(tmp_path, "autoencoders") == []
    steps = Steps()
    codec = run(FEW, tmp_path, progress=steps)
    assert steps.done[0] == 1
    assert same(codec, run(FEW))
    assert len(files(tmp_path, "autoencoders")) == 1
    assert files(tmp_path, "training") == []


def test_with_enough_time_nothing_differs(tmp_path: Path) -> None:
    slow = run(FEW)
    fast = run(FEW, tmp_path, Clock(1e6, 1e-6))
    for part in ("encoder", "decoder"):
        weights = getattr(slow, part).state_dict(), getattr(fast, part).state_dict()
        assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert len(files(tmp_path, "autoencoders")) == 1
    assert files(tmp_path, "training") == []


def test_with_hardly_any_time_there_is_a_codec_all_the_same() -> None:
    for left in (0.0, -5.0, 1.0):
        usable(run(MANY, None, Clock(left, 0.5)))


def test_a_random_subset_is_trained_on_if_there_is_no_time_to_prepare_all(tmp_path: Path) -> None:
    codec = run(MANY, tmp_path, Clock(5.0, 1.0), conditions=("logp", "mw", "qed", "sa"))
    usable(codec)
    assert len(codec.measured.hashes) < len(MANY)
    assert codec.known is not None
    assert len(codec.known) == len(MANY)
    assert files(tmp_path, "properties") == files(tmp_path, "training") == []


def test_one_that_was_stopped_resumes_to_the_same_result(tmp_path: Path) -> None:
    steps = Steps()
    with pytest.raises(KeyboardInterrupt):
        run(FEW, tmp_path, progress=steps, stopped=lambda: len(steps.done) > 1)
    assert len(files(tmp_path, "training")) == 1
    assert files(tmp_path, "autoencoders") == []
    rest = Steps()
    resumed = run(FEW, tmp_path, progress=rest)
    assert min(rest.done) > max(steps.done)
    assert same(resumed, run(FEW))
    assert files(tmp_path, "training") == []


def test_one_that_was_killed_resumes_from_its_last_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(what: str, done: int, total: int) -> None:
        if what.startswith("training the") and done > 20:
            raise RuntimeError("killed")

    monkeypatch.setattr(kit_training, "SNAPSHOT_SECONDS", -1.0)  # a snapshot per step
    with pytest.raises(RuntimeError, match="killed"):
        run(FEW, tmp_path, progress=kill, epochs=25)
    steps = Steps()
    resumed = run(FEW, tmp_path, progress=steps, epochs=25)
    assert min(steps.done) > 20
    assert same(resumed, run(FEW, epochs=25))
    for damage in (b"", b"damaged"):
        with pytest.raises(RuntimeError, match="killed"):
            run(FEW, tmp_path / "again", progress=kill, epochs=25)
        (file,) = (tmp_path / "again" / "training").iterdir()
        file.write_bytes(damage)
        assert same(run(FEW, tmp_path / "again", epochs=25), resumed)
        for kept in (tmp_path / "again" / "autoencoders").iterdir():
            kept.unlink()


def test_one_that_was_killed_before_its_result_was_cached_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        killed = RuntimeError("killed")
        patched.setattr(kit_training, "save_file", Mock(side_effect=killed))
        with pytest.raises(RuntimeError, match="killed"):
            run(FEW, tmp_path, epochs=2)
    steps = Steps()
    resumed = run(FEW, tmp_path, progress=steps, epochs=2)
    assert steps.done == []
    assert same(resumed, run(FEW, epochs=2))
    assert files(tmp_path, "training") == []


@pytest.mark.parametrize("what", ["computing properties", "writing molecules", "writing random"])
def test_preparation_can_be_stopped(what: str, tmp_path: Path) -> None:
    reached: list[str] = []

    def progress(label: str, done: int, total: int) -> None:
        reached.append(label)

    with pytest.raises(KeyboardInterrupt):
        run(
            MANY,
            tmp_path,
            progress=progress,
            stopped=lambda: any(label.startswith(what) for label in reached),
        )
    assert reached[-1].startswith(what)


# --- A search -----------------------------------------------------------------------------------

SEARCH: dict[str, Any] = {"objective": "tpsa - logp", "calls": 2_000, "elites": 24, "epochs": 5}


def test_a_search_ends_with_the_time() -> None:
    clock = Clock(60.0, 1.0)
    codec = run(MANY[:400], None, clock, **SEARCH)
    usable(codec)
    assert clock.left > -15
    assert codec.elites is not None
    assert len(codec.elites.smiles) >= 16
    found = codec.elites.figures
    assert 0 < found["new molecules"]["count"] < 1_500


def test_a_search_can_be_stopped() -> None:
    seen: list[str] = []

    def stopped() -> bool:
        return any(what.startswith("searching (round 2") for what in seen)

    with pytest.raises(KeyboardInterrupt):
        run(
            MANY[:400],
            stopped=stopped,
            progress=lambda what, done, total: seen.append(what),
            **SEARCH,
        )
    assert not any(what.startswith("searching (round 3") for what in seen)
