"""Molecules to latents and back: training, cache, conditions and decoding."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem

from gankit.contract import Batch, CodecState, Continuous, Fitting, Health
from gankit.errors import GankitError
from gankit_molecule.codec import training
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.codec import MoleculeCodec
from gankit_molecule.codec.fitting import fit
from gankit_molecule.codec.property_query import parse_constraint
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.properties import measure, properties_of
from gankit_molecule.data.standardise import standardise
from gankit_molecule.optimize.pool import scaffold_of
from gankit_molecule.settings import MoleculeSettings

RINGS = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1")
LINKS = ("C", "CC", "OC", "C(=O)N", "NC(=O)")
ENDS = ("C", "CC", "O", "N", "F", "Cl", "OC")
SMILES = [
    Chem.CanonSmiles(end + link + ring)
    for ring, link, end in product(RINGS, LINKS, ENDS)
    if Chem.MolFromSmiles(end + link + ring) is not None
]
SMILES = sorted(set(SMILES))
SMALL: dict[str, Any] = {
    "width": 64,
    "latent": 8,
    "smooth": 0.3,
    "vocabulary": 40,
    "epochs": 300,
    "cache": "none",
    "workers": 1,
    "conditions": ("logp", "mw"),
}


def items(**values: Any) -> list[Molecule]:
    return [Molecule(s, {k: v[i] for k, v in values.items()}) for i, s in enumerate(SMILES)]


@pytest.fixture(scope="module")
def codec() -> MoleculeCodec:
    torch.manual_seed(0)
    return fit(items(), MoleculeSettings(**SMALL), Fitting())


def draw(codec: MoleculeCodec, n: int, **changed: Any) -> list[Molecule]:
    codec = MoleculeCodec.load(codec.state(), MoleculeSettings(**{**SMALL, **changed}))
    x = torch.randn(n, 8, generator=torch.Generator().manual_seed(1))
    c = codec.sample_conditions({}, range(n))
    return codec.decode(Batch(x, c), range(n))


def test_the_codecs_latents_are_standardised_together_with_the_noise(codec: MoleculeCodec) -> None:
    torch.manual_seed(0)
    noisy = torch.cat(
        [codec.prepare(codec.encode(items(), np.random.default_rng(0))).x for _ in range(20)]
    )
    assert noisy.shape == (20 * len(SMILES), 8)
    torch.testing.assert_close(noisy.mean(0), torch.zeros(8), atol=0.1, rtol=0)
    torch.testing.assert_close(noisy.T @ noisy / len(noisy), torch.eye(8), atol=0.15, rtol=0)


def test_molecules_are_valid_and_count_their_tries(codec: MoleculeCodec) -> None:
    found = draw(codec, 60, temperature=3)
    assert all(m.valid and Chem.MolFromSmiles(m.smiles) is not None for m in found)
    assert max(m.tries for m in found) > 1
    assert len({m.smiles for m in found}) > 10


def test_smiles_that_rdkit_writes_but_cannot_parse_are_invalid(
    codec: MoleculeCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable = "Cc1cc[n+](->[Cd]([C]#N)[S]C#N)c1"
    assert Chem.MolFromSmiles(unreadable) is None
    known, texts = standardise, list[str]()

    def sometimes(text: str, settings: MoleculeSettings) -> object:
        texts.append(text)
        return known(text, settings) if len(texts) > 4 else unreadable

    monkeypatch.setattr("gankit_molecule.codec.notations.standardise", sometimes)
    made = codec.decode(Batch(torch.randn(4, 8), torch.zeros(4, 2)), range(4))
    assert all(m.valid and m.tries > 1 for m in made)
    assert unreadable not in [m.smiles for m in made]
    assert scaffold_of(unreadable) == unreadable  # a user's own molecules may be such


def test_raw_ones_are_written_once(codec: MoleculeCodec) -> None:
    found = draw(codec, 60, raw=True, temperature=3)
    assert {m.tries for m in found} == {0, 1}
    assert all((Chem.MolFromSmiles(m.smiles) is not None) or not m.valid for m in found)


def test_the_density_ratio_input_is_that_of_the_decoded_molecule(
    codec: MoleculeCodec,
) -> None:
    codec = MoleculeCodec.load(codec.state(), MoleculeSettings(**SMALL, raw=True))
    real = codec.encode(items(), np.random.default_rng(0))
    torch.testing.assert_close(codec.density_ratio_input(real).x, real.x)
    x = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
    batch = Batch(x, codec.sample_conditions({}, range(200)))
    before = x.clone()
    density_ratio_input = codec.density_ratio_input(batch, range(200)).x
    assert torch.equal(density_ratio_input, codec.density_ratio_input(batch, range(200)).x)
    assert torch.equal(x, before)
    valid = [i for i, m in enumerate(codec.decode(batch, range(200))) if m.valid]
    written = [m.smiles for m in codec.decode(batch, range(200)) if m.valid]
    assert batch.c is not None
    own = codec.latents(written, batch.c[valid])
    # The encoder has seen other ways to write a molecule, and places all of them about there.
    near = (density_ratio_input[valid] - own).square().mean()
    assert near < 0.2 * (density_ratio_input[valid] - own.roll(1, 0)).square().mean()
    assert near < 0.5 * (x[valid] - own).square().mean()


def test_the_likeliest_tokens_need_no_chance(codec: MoleculeCodec) -> None:
    x, c = torch.zeros(1, 8), codec.sample_conditions({"logp": 2}, [0])
    cold = MoleculeCodec.load(codec.state(), MoleculeSettings(**{**SMALL, "temperature": 0}))
    first, again = (cold.decode(Batch(x, c), [seed])[0] for seed in (1, 2))
    if first.tries == again.tries == 1:
        assert first.smiles == again.smiles


def test_the_decoder_follows_its_conditions(codec: MoleculeCodec) -> None:
    seeds = range(120)
    x = torch.randn(120, 8, generator=torch.Generator().manual_seed(2))
    light, heavy = (codec.sample_conditions({"mw": mw}, seeds) for mw in (110, 150))
    weights = [
        np.mean([properties_of(m.smiles, ["mw"])[0] for m in codec.decode(Batch(x, c), seeds)])
        for c in (light, heavy)
    ]
    assert weights[1] > weights[0] + 10


# --- Resampling -------------------------------------------------------------------------------


@pytest.mark.parametrize("core", ["c1ccccc1", "C1CCCCC1", "c1ccsc1", "c1ccc(*)cc1", "NC(=O)*"])
def test_molecules_contain_the_scaffold(codec: MoleculeCodec, core: str) -> None:
    drawn = draw(codec, 60, scaffold=core, temperature=1.0)
    found = [m.smiles for m in drawn if m.valid]
    assert len(found) > 20  # of so small a decoder's, many have nothing but the core
    assert len(set(found)) > 5
    wanted = Scaffold(MoleculeSettings(scaffold=core))
    assert all(wanted.held_by(smiles) for smiles in found)
    if core == "c1ccc(*)cc1":
        once = Chem.MolFromSmarts("[cH]1[cH][cH]c(!@*)[cH][cH]1")
        assert all(Chem.MolFromSmiles(smiles).HasSubstructMatch(once) for smiles in found)


def test_raw_molecules_contain_the_scaffold_too(codec: MoleculeCodec) -> None:
    found = draw(codec, 60, scaffold="c1ccncc1", raw=True)
    assert {m.tries for m in found} == {0, 1}
    wanted = Scaffold(MoleculeSettings(scaffold="c1ccncc1"))
    assert all(wanted.held_by(m.smiles) for m in found if m.valid)


@pytest.mark.parametrize("changed", [{"scaffold": "c1ccccc1"}, {"novel": True}])
def test_a_molecule_depends_on_its_seed_alone(
    codec: MoleculeCodec, changed: dict[str, Any]
) -> None:
    settings = MoleculeSettings(**{**SMALL, **changed})
    x, c = (
        torch.randn(12, 8, generator=torch.Generator().manual_seed(3)),
        codec.sample_conditions({}, range(12)),
    )
    assert c is not None

    def drawn(some: slice, where: dict[str, Any]) -> list[Molecule]:
        loaded = MoleculeCodec.load(codec.state(), settings)
        return loaded.decode(Batch(x[some], c[some]), range(12)[some], where)

    for where in ({}, {"mw": "..130"}):
        assert drawn(slice(0, 12), where)[5:9] == drawn(slice(5, 9), where)


def test_a_scaffold_is_checked_before_training() -> None:
    for scaffold, message in (("C1CC", "not the SMILES"), ("CC[Br]", "have no Br")):
        with pytest.raises(GankitError, match=f"scaffold=.*{message}"):
            fit(items(), MoleculeSettings(**{**SMALL, "scaffold": scaffold}), Fitting())


def test_training_molecules_are_resampled_if_novel_is_set(codec: MoleculeCodec) -> None:
    usual, new = (draw(codec, 60, temperature=1, novel=novel) for novel in (False, True))
    assert {m.smiles for m in usual if m.valid} & {*SMILES}
    assert sum(m.valid for m in new) > 30
    assert not {m.smiles for m in new if m.valid} & {*SMILES}
    same = [m == n for m, n in zip(usual, new, strict=True) if m.smiles not in {*SMILES}]
    assert same
    assert all(same)
    with pytest.raises(GankitError, match="novel=true: not with raw=true"):
        draw(codec, 1, raw=True, novel=True)


def test_a_run_without_hashes_cannot_be_sampled_with_novel(
    codec: MoleculeCodec,
) -> None:
    state = codec.state()
    assert torch.equal(state.tensors["known"], torch.unique(state.tensors["known"]))
    assert len(state.tensors["known"]) == len(SMILES)
    old = CodecState(state.config, {k: v for k, v in state.tensors.items() if k != "known"})
    assert "known" not in MoleculeCodec.load(old, MoleculeSettings(**SMALL)).state().tensors
    with pytest.raises(GankitError, match="novel=true: the run was trained before"):
        MoleculeCodec.load(old, MoleculeSettings(**{**SMALL, "novel": True}))


@pytest.mark.parametrize("requested", ["110..130", 135.0])
def test_molecules_without_the_requested_property_are_decoded_again(
    codec: MoleculeCodec, requested: object
) -> None:
    seeds, where = range(80), {"mw": requested}
    constraint = parse_constraint("mw", requested)
    x = torch.randn(80, 8, generator=torch.Generator().manual_seed(4))
    batch = Batch(x, codec.sample_conditions(where, seeds))
    before, after = codec.decode(batch, seeds), codec.decode(batch, seeds, where)
    assert codec.layout.condition is not None
    field, _ = codec.layout.condition.field("mw")
    assert isinstance(field, Continuous)
    missed = [
        np.array([constraint.distance(properties_of(m.smiles, ["mw"])[0], field.scale) for m in ms])
        for ms in (before, after)
    ]
    assert (missed[1] <= missed[0]).all()
    assert (missed[1] == 0).sum() > (missed[0] == 0).sum()
    for one, other, miss in zip(before, after, missed[0], strict=True):
        assert other == one if miss == 0 else other.tries >= one.tries


def test_only_computed_properties_of_molecules_that_are_not_raw_are_met(
    codec: MoleculeCodec,
) -> None:
    seeds, where = range(20), {"mw": 100.0}
    batch = Batch(torch.randn(20, 8), codec.sample_conditions(where, seeds))
    assert codec.decode(batch, seeds, {}) == codec.decode(batch, seeds)
    raw = MoleculeCodec.load(codec.state(), MoleculeSettings(**{**SMALL, "raw": True}))
    assert raw.decode(batch, seeds, where) == raw.decode(batch, seeds)
    with pytest.raises(GankitError, match="not conditioned on 'qed'"):
        codec.decode(batch, seeds, {"qed": 0.5})


def test_diverged_latents_are_decoded(codec: MoleculeCodec) -> None:
    x = torch.full((3, 8), torch.nan)
    x[1] = torch.inf
    assert len(codec.decode(Batch(x, codec.sample_conditions({}, range(3))), range(3))) == 3


def test_a_column_of_the_data_is_a_condition_and_a_value() -> None:
    activity = [float(len(s)) for s in SMILES]
    settings = MoleculeSettings(**{**SMALL, "conditions": ("activity", "logp"), "epochs": 20})
    codec = fit(items(activity=activity), settings, Fitting())
    c = codec.sample_conditions({"activity": 12}, range(4))
    assert c is not None
    found = codec.decode(Batch(torch.randn(4, 8), c), range(4))
    assert all(m.values == pytest.approx({"activity": 12}, abs=1e-3) for m in found)
    assert [row["property"] for row in codec.describe()] == ["activity", "logp"]


def test_missing_values_are_counted_and_encoded_as_the_mean() -> None:
    molecules = [Molecule(s, {} if i % 4 else {"activity": float(i)}) for i, s in enumerate(SMILES)]
    settings = MoleculeSettings(**{**SMALL, "conditions": ("activity",), "epochs": 3})
    codec = fit(molecules, settings, Fitting())
    c = codec.encode(molecules[1:2], np.random.default_rng(0)).c
    assert c is not None
    assert c.tolist() == [[0.0]]
    without = sum(not m.values for m in molecules)
    assert codec.describe()[0]["missing"] == str(without)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("potency", {"activity": 1.0}, "neither a property nor a column"),
        ("activity", {"activity": "high"}, "is not a number: 'high'"),
        ("activity", {"activity": float("nan")}, "has no numbers"),
    ],
)
def test_a_column_that_cannot_be_a_condition_is_an_error(
    name: str, values: Any, message: str
) -> None:
    molecules = [Molecule(s, values) for s in SMILES]
    settings = MoleculeSettings(**{**SMALL, "conditions": (name,)})
    with pytest.raises(GankitError, match=message):
        fit(molecules, settings, Fitting())


def test_the_first_value_that_is_not_a_number_is_named() -> None:
    settings = MoleculeSettings(**{**SMALL, "conditions": ("activity",)})
    texts: list[dict[str, Any]] = [{"activity": str(i)} for i in range(len(SMILES))]
    for values, message in (
        (texts, "a value of activity"),
        ([*texts[1:], {"activity": "x"}], "'x'"),
    ):
        molecules = [Molecule(s, v) for s, v in zip(SMILES, values, strict=True)]
        with pytest.raises(GankitError, match=f"{message}|is not a number: {message}"):
            fit(molecules, settings, Fitting())


def test_a_second_run_uses_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = MoleculeSettings(**{**SMALL, "epochs": 5, "cache": str(tmp_path)})
    first = fit(items(), settings, Fitting())
    monkeypatch.setattr(training, "batches_by_length", None)  # nothing is trained
    monkeypatch.setattr("gankit_molecule.codec.conditions.computed", None)  # nor measured
    again = fit(items(), settings, Fitting())
    for k, v in first.state().tensors.items():
        assert torch.equal(v, again.state().tensors[k]), k
    for file in tmp_path.rglob("*.safetensors"):
        file.write_bytes(b"damaged")
    monkeypatch.undo()
    fit(items(), settings, Fitting())


def test_the_cache_and_the_seed_do_not_affect_each_other(tmp_path: Path) -> None:
    settings = MoleculeSettings(**{**SMALL, "epochs": 5, "cache": str(tmp_path)})
    drawn, states = [], []
    for seed in (1, 2):
        torch.manual_seed(seed)
        states.append(fit(items(), replace(settings, cache="none"), Fitting()).state())
        torch.manual_seed(7)
        fit(items(), settings, Fitting())  # trained at first, then taken
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    for k, v in states[0].tensors.items():
        assert torch.equal(v, states[1].tensors[k]), k


def test_a_cache_that_was_not_named_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    settings = MoleculeSettings(**{**SMALL, "epochs": 2, "cache": "auto"})
    assert fit(items(), settings, Fitting()).loss > 0
    with pytest.raises(GankitError, match="cannot be written"):
        fit(items(), replace(settings, cache=f"{os.devnull}/here"), Fitting())


def test_properties_agree_with_rdkit_and_are_nan_for_invalid_smiles() -> None:
    values = measure(["CCO", "no molecule", "c1ccccc1"], ["mw", "logp", "qed", "sa", "rings"])
    assert values[0, 0] == pytest.approx(46.07, abs=0.01)
    assert np.isnan(values[1]).all()
    assert values[2, 4] == 1
    assert (values[[0, 2], 2] < 1).all()
    assert ((values[[0, 2], 3] >= 1) & (values[[0, 2], 3] <= 10)).all()


# --- Health -------------------------------------------------------------------------------------


def health(codec: MoleculeCodec, heldout: bool = True) -> dict[str, Health]:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    return {sign.name: sign for sign in codec.health(items()[:64], heldout, rng)}


def test_an_autoencoder_that_works_is_healthy(codec: MoleculeCodec) -> None:
    found = health(codec, heldout=False)
    assert not [sign.remedy for sign in found.values() if sign.remedy]
    assert found["reconstruction"].value > 0.5
    assert "of 64 training molecules are written again exactly" in found["reconstruction"].text
    assert found["information"].value > 0.3
    assert 2 <= found["latents in use"].value <= found["latents in use"].baseline == 8
    assert found["validity"].value > 0.5


@pytest.fixture
def damaged(codec: MoleculeCodec) -> MoleculeCodec:
    """A copy, to be damaged."""
    return MoleculeCodec.load(codec.state(), codec.settings)


def test_latents_that_the_decoder_ignores_are_found(damaged: MoleculeCodec) -> None:
    with torch.no_grad():
        damaged.decoder.context[0].weight[:, : damaged.settings.latent] = 0
    found = health(damaged)["information"]
    assert found.value < 0.01
    assert "posterior collapse" in found.remedy


def test_a_decoder_that_writes_no_molecules_is_found(damaged: MoleculeCodec) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        for p in damaged.decoder.cell.parameters():
            p.add_(torch.randn_like(p))
    found = health(damaged)
    assert found["validity"].value < 0.5
    assert "Train the autoencoder for longer" in found["validity"].remedy
    assert found["reconstruction"].remedy


def test_latents_that_the_noise_hides_are_not_in_use(damaged: MoleculeCodec) -> None:
    noise = damaged.settings.smooth
    damaged.whitening.factor = noise * torch.eye(damaged.settings.latent)
    damaged.whitening.factor[0, 0] = 10 * noise
    found = health(damaged)["latents in use"]
    assert (found.value, found.baseline) == (1, 8)
    assert "1 of 8 latents vary more than the noise on them" in found.text
    assert found.remedy


@pytest.mark.parametrize("collapsed", [True, False])
def test_while_it_is_trained_a_decoder_that_ignores_its_latents_is_said(
    monkeypatch: pytest.MonkeyPatch, collapsed: bool
) -> None:
    start, said = Decoder.start, list[str]()

    def without(self: Decoder, z: torch.Tensor, c: torch.Tensor) -> Any:
        return start(self, torch.zeros_like(z) if collapsed else z, c)

    monkeypatch.setattr(Decoder, "start", without)
    fitting = Fitting(progress=lambda what, done, total: said.append(what))
    fit(items(), MoleculeSettings(**{**SMALL, "epochs": 110, "conditions": ()}), fitting)
    told = [what for what in said if "the decoder ignores the latents" in what]
    assert bool(told) == collapsed
