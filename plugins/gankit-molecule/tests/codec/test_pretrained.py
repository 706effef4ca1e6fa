"""Starting from a trained autoencoder: exact where nothing differs, open to what it lacks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from gankit.contract import Condition, Continuous, Fitting
from gankit_molecule.codec.codec import MoleculeCodec
from gankit_molecule.codec.fitting import fit
from gankit_molecule.codec.pretrained import FILE, Pretrained, pretrained_for, save
from gankit_molecule.data.hashes import hashes_of
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.settings import MoleculeSettings

SETTINGS = MoleculeSettings(cache="none", workers=1, conditions=("logp", "mw"))
OTHERS = [f"{'C' * a}[Si](C)(C)O{'C' * b}c1ccccc1" for a in range(1, 9) for b in range(1, 9)]


@pytest.fixture(scope="module")
def base() -> Pretrained:
    return Pretrained.load()


def started(base: Pretrained, texts: list[str], condition: Condition | None) -> MoleculeCodec:
    codec = MoleculeCodec(base.extended(texts), 60, condition, SETTINGS)
    base.start(codec)
    return codec


def test_it_comes_with_the_plugin_and_says_what_it_is(base: Pretrained) -> None:
    assert FILE.stat().st_size < 3_000_000
    assert "4,848 molecules" in base.about
    assert "public domain" in base.about
    assert len(base.known) == 4848
    assert (FILE.parent / "README.md").is_file()
    with safe_open(FILE, "pt") as opened:
        assert set(json.loads(opened.metadata()["codec"])) >= {"about", "tokens", "conditions"}


def test_other_means_and_scales_of_conditions_change_nothing(base: Pretrained) -> None:
    torch.manual_seed(0)
    own = started(base, [], Condition(base.conditions))
    moved = tuple(Continuous(f.name, f.mean + 1, 2 * f.scale) for f in base.conditions)
    other = started(base, [], Condition(moved))
    z, raw = torch.randn(5, 64), torch.randn(5, len(base.conditions))
    values = [raw * f.scale + f.mean for f in base.conditions]
    c = torch.stack([(values[i][:, i] - f.mean) / f.scale for i, f in enumerate(moved)], 1)
    tokens = torch.randint(4, 40, (5, 9))
    torch.testing.assert_close(own.decoder(z, raw, tokens), other.decoder(z, c, tokens))


def test_new_conditions_have_no_effect_at_first(base: Pretrained) -> None:
    codec = started(base, [], Condition((Continuous("activity", 5.0, 2.0),)))
    z, tokens = torch.randn(3, 64), torch.randint(4, 40, (3, 9))
    outs = [codec.decoder(z, torch.full((3, 1), v), tokens) for v in (-3.0, 3.0)]
    torch.testing.assert_close(outs[0], outs[1])


def test_tokens_that_it_lacks_are_added(base: Pretrained) -> None:
    alphabet = base.extended(["C[Xe]C", "CC"])
    assert "[Xe]" not in base.tokens
    assert alphabet.tokens[-1] == "[Xe]"
    assert alphabet.decode(alphabet.encode("C[Xe]C")) == "C[Xe]C"
    codec = started(base, ["C[Xe]C"], None)
    assert codec.decoder.logits.out_features == len(alphabet)


def test_few_molecules_start_from_it(base: Pretrained) -> None:
    codec = fit([Molecule(s) for s in OTHERS], replace(SETTINGS, epochs=1), Fitting())
    assert codec.pretrained == base.about
    again = MoleculeCodec.load(codec.state(), SETTINGS)
    assert again.pretrained == base.about
    assert again.describe()[-1]["property"] == "autoencoder pretrained on 4,848 molecules"


@pytest.mark.parametrize(
    "changed", [{"pretrained": "none"}, {"width": 64}, {"latent": 8}, {"notation": "smiles"}]
)
def test_it_is_not_used_where_it_does_not_fit(changed: dict[str, object]) -> None:
    assert pretrained_for(OTHERS, SETTINGS) is not None
    assert pretrained_for(OTHERS, replace(SETTINGS, **changed)) is None  # type: ignore[arg-type]


def test_it_is_not_used_for_many_molecules_or_its_own(
    base: Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pretrained_for(OTHERS * 100, SETTINGS) is None
    known = np.sort(np.concatenate([base.known, hashes_of(OTHERS[:10])]))
    monkeypatch.setattr(Pretrained, "load", classmethod(lambda cls: replace(base, known=known)))
    assert pretrained_for(OTHERS, SETTINGS) is None


def test_what_is_saved_is_loaded(base: Pretrained, tmp_path: Path) -> None:
    codec = fit([Molecule(s) for s in OTHERS], replace(SETTINGS, epochs=1), Fitting())
    save(codec, tmp_path / "own.safetensors", "mine")
    found = Pretrained.load(tmp_path / "own.safetensors")
    assert found.about == "mine"
    assert found.shares(OTHERS)
    again = MoleculeCodec(found.extended([]), codec.longest, codec.layout.condition, SETTINGS)
    found.start(again)
    for name, tensor in codec.decoder.state_dict().items():
        torch.testing.assert_close(again.decoder.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)
