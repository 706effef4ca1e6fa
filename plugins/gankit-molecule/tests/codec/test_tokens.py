"""Splitting molecules into tokens, and what tokens do to brackets and rings."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.grammar import Grammar
from gankit_molecule.codec.tokens import END, UNKNOWN, Alphabet

SMILES = [
    "CCOC(=O)c1ccccc1",
    "Clc1ccc(CN2CCCC2)cc1",
    "BrC(Cl)CC",
    "C[N+](C)(C)CC(=O)[O-]",
    "c1ccc2[nH]ccc2c1",
    "C1CC%12CC1CC%12",
] * 10


@pytest.fixture(scope="module", params=[0, 40])
def alphabet(request: pytest.FixtureRequest) -> Alphabet:
    return Alphabet.of(SMILES, "smiles", request.param)


@pytest.mark.parametrize("smiles", SMILES[:6])
def test_what_is_split_joins_again(alphabet: Alphabet, smiles: str) -> None:
    assert "".join(alphabet.split(smiles)) == smiles
    assert alphabet.decode(alphabet.encode(smiles)) == smiles


@given(st.text(alphabet="CNOclBr[]()=#123%@+-nHsF", max_size=40))
def test_any_text_is_split_without_loss(text: str) -> None:
    alphabet = Alphabet.of(SMILES, "smiles", 40)
    assert "".join(alphabet.split(text)) == text


def test_fragments_make_molecules_shorter_and_never_cut_a_chlorine() -> None:
    plain, merged = (Alphabet.of(SMILES, "smiles", size) for size in (0, 60))
    lengths = [sum(len(a.encode(s)) for s in SMILES) for a in (plain, merged)]
    assert lengths[1] < 0.65 * lengths[0]
    assert "l" not in merged.split("CCCCCl")
    assert "Cl" in merged.split("CCCCCl")[-1]


def test_fragments_are_those_of_all_molecules_of_a_small_set() -> None:
    late = ["CCO", "CCN", "CCF", *["O=C(O)c1ccccc1"] * 40]
    assert any("c1ccccc1" in token for token in Alphabet.of(late, "smiles", 40).tokens)


def test_a_token_that_training_never_saw_is_unknown() -> None:
    alphabet = Alphabet.of(SMILES)
    assert alphabet.encode("C[Se]C")[1] == UNKNOWN
    assert alphabet.encode("CIC")[1] == UNKNOWN


def test_selfies_are_another_notation_of_the_same_molecule() -> None:
    pytest.importorskip("selfies")
    alphabet = Alphabet.of(SMILES[:2], "selfies", 30)
    written = alphabet.decode(alphabet.encode(alphabet.notation.written(SMILES[0])))
    assert (
        alphabet.notation.read(written).count("=") == 4
    )  # the ring's, as Kekulé drew it, and the acid's
    assert alphabet.notation.written("no molecule") == ""


def test_an_unknown_notation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "selfies", None)
    with pytest.raises(GankitError, match="selfies is not installed"):
        Alphabet((), "selfies")


def test_what_is_written_closes_its_brackets_and_rings() -> None:
    torch.manual_seed(0)
    alphabet = Alphabet(["C", "(", ")", "1", "2", "C(", ")C", "c1ccccc1", "(C)"])
    decoder = Decoder(len(alphabet), 4, 0, 16)
    rules = Grammar(alphabet.grammar(), 300)
    z, c, u = torch.randn(300, 4), torch.zeros(300, 0), torch.rand(300, 80)
    tokens = decoder.write(z, c, u, rules=rules)
    ended = [row for row in tokens.tolist() if END in row]
    assert len(ended) > 50
    for row in ended:
        text = alphabet.decode(row)
        depth = 0
        for letter in text:
            depth += (letter == "(") - (letter == ")")
            assert depth >= 0, text
        assert (depth, text.count("1") % 2, text.count("2") % 2) == (0, 0, 0), text


def test_tokens_are_a_function_of_the_numbers_that_are_drawn() -> None:
    torch.manual_seed(0)
    decoder = Decoder(20, 4, 2, 16)
    z, c, u = torch.randn(6, 4), torch.randn(6, 2), torch.rand(6, 12)
    once, again = decoder.write(z, c, u), decoder.write(z, c, u)
    other = decoder.write(z, c, torch.rand(6, 12))
    assert torch.equal(once, again)
    assert once.shape != other.shape or not torch.equal(once, other)
    sure = [decoder.write(z, c, torch.rand(6, 12), temperature=0) for _ in range(2)]
    assert torch.equal(*sure)
