"""A core that every molecule keeps: how it is read, written, led along and looked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from gankit.errors import GankitError
from gankit_molecule.codec.grammar import Automaton, Forced
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.codec.tokens import END, Alphabet
from gankit_molecule.settings import MoleculeSettings

SMILES = [
    "CCOC(=O)c1ccc2[nH]ccc2c1",
    "Clc1ccc(CN2CCNCC2)cc1",
    "NS(=O)(=O)c1ccc(C#N)cc1",
    "O=C1CCC(N2CCOCC2)N1",
    "c1ccc2c(c1)C1CC2C(C3CC3)C1",
    "Cn1cnc2ccccc21",
] * 10
ALPHABETS = [Alphabet.of(SMILES, "smiles", size) for size in (0, 80)]
CORES = [
    "c1ccc2[nH]ccc2c1",
    "c1ccc2[nH]cc(*)c2c1",
    "NS(=O)(=O)c1ccccc1",
    "C1CNCCN1",
    "*N1CCN(*)CC1",
    "O=C1CCCN1",
    "Cn1cnc2ccccc21",
    "C",
]


def scaffold(core: str, **changed: Any) -> Scaffold:
    return Scaffold(MoleculeSettings(**{"scaffold": core, **changed}))


def automaton(core: str, alphabet: Alphabet) -> tuple[Automaton, int]:
    ways = scaffold(core).ways(alphabet)
    return Automaton(alphabet, ways), len(ways)


def walk(core: str, alphabet: Alphabet, seed: int, n: int = 16) -> list[str]:
    """Texts of tokens drawn from those that are allowed, all that came to an end; brackets and ends
    are likelier than the rest, so that there are some.
    """
    rules, ways = automaton(core, alphabet)
    generator = torch.Generator().manual_seed(seed)
    forced = Forced(rules, [i % ways for i in range(n)])
    likely = torch.tensor([9.0 if t[0] == ")" else 1.0 for t in alphabet.tokens])
    likely[END] = 30.0
    rows = []
    for _ in range(150):
        allowed = forced.allowed()
        assert allowed.any(1).all()
        rows.append(torch.multinomial(allowed * likely, 1, generator=generator)[:, 0])
        forced.advance(rows[-1])
    written = torch.stack(rows, 1).tolist()
    return [alphabet.decode(row) for row in written if END in row]


def holds(text: str, core: str) -> bool:
    """Whether a text, as it is written, has the core's atoms and bonds, and others only where these
    are wanted; read without regard to valences.
    """
    marked = Chem.MolFromSmiles(core)
    free = [
        sum(not b.GetAtomicNum() for b in a.GetNeighbors()) if "*" in core else a.GetTotalNumHs()
        for a in marked.GetAtoms()
    ]
    plain = Chem.MolFromSmiles(core, sanitize=False)
    own = [i for i, a in enumerate(plain.GetAtoms()) if a.GetAtomicNum()]
    degrees = {
        i: sum(b.GetAtomicNum() > 0 for b in plain.GetAtomWithIdx(i).GetNeighbors()) for i in own
    }
    query = Chem.RWMol(plain)
    for i in sorted(set(range(plain.GetNumAtoms())) - set(own), reverse=True):
        query.RemoveAtom(i)
    mol = Chem.MolFromSmiles(text, sanitize=False)
    return any(
        all(
            mol.GetAtomWithIdx(j).GetDegree() <= degrees[i] + free[i]
            for i, j in zip(own, match, strict=True)
        )
        for match in mol.GetSubstructMatches(query, uniquify=False, maxMatches=10_000)
    )


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(CORES), st.sampled_from(ALPHABETS), st.integers(0, 2**31))
def test_what_is_written_never_leaves_the_core(core: str, alphabet: Alphabet, seed: int) -> None:
    for text in walk(core, alphabet, seed):
        with rdBase.BlockLogs():
            if Chem.MolFromSmiles(text, sanitize=False) is not None:
                assert holds(text, core), text


@pytest.mark.parametrize("core", [core for core in CORES if "c" in core])
def test_with_all_double_bonds_written_it_is_the_same_core(core: str) -> None:
    alphabet = Alphabet.of(SMILES, "kekule", 80)
    with rdBase.BlockLogs():
        found = [Chem.MolFromSmiles(text) for text in walk(core, alphabet, 0, 600)]
    valid = [Chem.MolToSmiles(mol) for mol in found if mol is not None]
    assert valid
    # An amide's tautomer, or a ring whose neighbours make it aromatic, is no longer the core.
    assert np.mean([scaffold(core).held_by(smiles) for smiles in valid]) > 0.7


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_texts_come_to_an_end_and_differ(core: str, alphabet: Alphabet) -> None:
    texts = walk(core, alphabet, 0, 64)
    assert len(texts) > 8
    assert len(set(texts)) > 6


def accepts(core: str, text: str, alphabet: Alphabet) -> bool:
    """Whether a text may be written in some way of writing the core."""
    rules, ways = automaton(core, alphabet)
    at = rules.begin(range(ways))
    for token in alphabet.encode(text):
        at = at[at >= 0]
        if not len(at):
            return False
        at = rules.following(at)[:, token]
    return bool((at == 0).any())


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize(
    ("core", "text", "may"),
    [
        ("C1CCNCC1", "C1CCNCC1", False),  # nothing varies
        ("C1CCNCC1", "C1C(C)CNCC1", True),
        ("C1CCNCC1", "C1C(C)(C)CNCC1", True),
        ("C1CCNCC1", "C1C(C)(C)(C)CNCC1", False),  # two hydrogens
        ("C1CCNCC1", "C1C(=O)CNCC1", True),
        ("C1CCNCC1", "C1C(#N)CNCC1", False),  # two hydrogens
        ("C1CCNCC1", "C1C(C)(=O)CNCC1", False),
        ("C1CCNCC1", "C1CCNCC1CC", True),
        ("C1CCNCC1", "C1CCNC(C)C1CC", True),
        ("C1CCNCC1", "C1CCOCC1C", False),
        ("C1CCNCC1", "C1CCNC(C)", False),
        ("C1CCNCC1", "C1CC(C2CC2)NCC1", True),
        ("C1CCNCC1", "C1CC2CC2NCC1", False),  # a chain where the core's own goes on
        ("C1CCNCC1", "C1CCN(C2CC2)CC1", True),
        ("C1CCNCC1", "C1CCN(C1CC1)CC1", False),  # would be a ring with the core
        ("C1CCNCC1", "C1CCNCC1C1CC1", True),  # the core's is closed there
        ("C1CCNCC1", "C1CCN(C2CC)C2C1", False),  # and so would this
        ("C1CCNCC1", "C1CCN(C2C(C)C2)CC1", True),
        ("C1CCNCC1", "C1CCN(C(C2)C2)CC1", True),
        ("C1CCNCC1", "C1CCN(2CC2)CC1", False),
        ("C1CCNCC1", "C1CCN()CC1", False),
        ("C1CCNCC1", "C1CCN(C=)CC1", False),
        ("*N1CCN(*)CC1", "N1CCN(C)CC1", True),
        ("*N1CCN(*)CC1", "N1CC(C)NCC1", False),
        ("*N1CCN(*)CC1", "N1CCN(=C)CC1", False),
        ("c1cc[nH]c1", "c1ccn(C)c1", True),
        ("c1cc[nH]c1", "c1cc[nH]c1C", True),
        ("c1cc[nH]c1", "c1ccnc1C", False),  # one hydrogen too few
        ("c1cc[nH]c1", "c1cc[nH](C)c1", False),  # one too many
        ("c1cc(*)c[nH]1", "c1cc(C)cn1", False),
        ("c1cc(*)c[nH]1", "c1cc(C)c[nH]1", True),
        ("NS(=O)(=O)c1ccccc1", "c1ccc(S(NC)(=O)=O)cc1", True),
        ("NS(=O)(=O)c1ccccc1", "c1ccc(S(N(C)C)(=O)=O)cc1", True),
        ("NS(=O)(=O)c1ccccc1", "c1ccc(S(N(C)(C)C)(=O)=O)cc1", False),
        ("NS(=O)(=O)c1ccccc1", "c1ccc(S(N)(C)(=O)=O)cc1", False),
    ],
)
def test_what_may_be_written(core: str, text: str, may: bool, alphabet: Alphabet) -> None:
    assert accepts(core, text, alphabet) is may


@pytest.mark.parametrize(
    ("core", "smiles", "held"),
    [
        ("c1ccc2[nH]ccc2c1", "Cn1ccc2ccccc21", True),
        ("c1ccc2[nH]ccc2c1", "c1ccc2[nH]ccc2c1", False),  # nothing varies
        ("c1ccc2[nH]ccc2c1", "Cc1ccc2occc2c1", False),
        ("c1ccc2[nH]cc(*)c2c1", "Cc1c[nH]c2ccccc12", True),
        ("c1ccc2[nH]cc(*)c2c1", "Cc1cc2ccccc2[nH]1", False),
        ("c1ccc2[nH]cc(*)c2c1", "Cc1cn(C)c2ccccc12", False),
        ("*N1CCNCC1", "CN1CCNCC1", True),
        ("*N1CCNCC1", "CN1CCN(C)CC1", False),
        ("*N1CCNCC1", "C[N+]1(C)CCNCC1", False),
        ("NS(=O)(=O)*", "NS(=O)(=O)c1ccccc1", True),
        ("NS(=O)(=O)*", "CNS(=O)(=O)c1ccccc1", False),
        ("*C(*)N", "CC(C)N", True),
        ("*CN", "CC(C)N", False),
        ("C[C@H](*)O", "CCC(C)O", True),  # stereochemistry goes, as it does from the data
    ],
)
def test_a_core_is_found_where_it_is_substituted_as_marked(
    core: str, smiles: str, held: bool
) -> None:
    assert scaffold(core).held_by(smiles) is held


def test_stereochemistry_counts_where_it_is_kept() -> None:
    core = scaffold("C[C@H](O)N", stereo="keep")
    assert core.held_by("CC[C@H](O)N") != core.held_by("CC[C@@H](O)N")


@pytest.mark.parametrize(
    ("core", "said"),
    [
        ("C1CC", "not the SMILES of a molecule"),
        ("C C", "not the SMILES of a molecule"),
        ("C" * 6000, "not the SMILES of a molecule"),
        ("CC.CC", "several parts"),
        ("C*C", "a \\* marks a place"),
        ("*", "a \\* marks a place"),
        ("**", "a \\* marks a place"),
        ("C=*", "a \\* marks a place"),
        ("C[NH3+]", "standardised, it is CN"),
        ("C" * 101, "101 heavy atoms"),
    ],
)
def test_what_is_no_core_is_named(core: str, said: str) -> None:
    with pytest.raises(GankitError, match=said):
        scaffold(core)


def test_another_notation_is_refused() -> None:
    with pytest.raises(GankitError, match="notation=selfies"):
        scaffold("CC", notation="selfies")


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_what_the_data_lacks_is_named(alphabet: Alphabet) -> None:
    with pytest.raises(GankitError, match=r"have no \[SeH\], so it"):
        scaffold("CC[SeH]").ways(alphabet)


def test_states_are_forgotten_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rules, ways = automaton(CORES[0], ALPHABETS[1])
    once = rules.following(rules.begin(range(ways))) >= 0
    monkeypatch.setattr("gankit_molecule.codec.grammar.MAX_CACHED", 0)
    assert np.array_equal(once, rules.following(rules.begin(range(ways))) >= 0)
