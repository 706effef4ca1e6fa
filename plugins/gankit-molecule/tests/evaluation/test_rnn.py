"""The character RNN that scores may stand beside."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from gankit.kit.cache import Cache
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.evaluation import rnn
from gankit_molecule.evaluation.rnn import CharacterRNN
from gankit_molecule.modality import MoleculeModality
from gankit_molecule.settings import MoleculeSettings

SMILES = ["CCO", "CCN", "c1ccccc1C", "CC(=O)Oc1ccccc1C(=O)O"] * 6
SETTINGS = MoleculeSettings(width=32, latent=4, vocabulary=0, epochs=3000, workers=1, cache="none")


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def trained(folder: Path) -> CharacterRNN:
    return CharacterRNN(SMILES, SETTINGS, quiet, Cache(folder))


def test_it_writes_what_it_read(trained: CharacterRNN) -> None:
    made = trained.sample(80, 0, quiet)
    known = sum(molecule.smiles in {*SMILES, "Cc1ccccc1"} for molecule in made)
    assert known > 60
    assert len({molecule.smiles for molecule in made if molecule.valid}) >= 3


def test_a_molecule_is_a_function_of_its_seed(trained: CharacterRNN) -> None:
    assert trained.sample(9, 3, quiet)[4:] == trained.sample(5, 7, quiet)


def test_what_is_no_molecule_is_told_apart(trained: CharacterRNN) -> None:
    texts = ["CCO", "C(C", ""]
    made = trained.molecules(trained.alphabet.rows(texts))
    assert [molecule.tries for molecule in made] == [1, 0, 0]
    assert [molecule.smiles for molecule in made] == texts


def test_one_that_was_kept_is_not_trained_again(trained: CharacterRNN, folder: Path) -> None:
    with mock.patch.object(rnn, "train", side_effect=AssertionError("trained again")):
        again = CharacterRNN(SMILES, SETTINGS, quiet, Cache(folder))
        assert again.sample(5, 0, quiet) == trained.sample(5, 0, quiet)
        assert again.loss == pytest.approx(trained.loss)
        with pytest.raises(AssertionError, match="trained again"):
            CharacterRNN(SMILES[:-1], SETTINGS, quiet, Cache(folder))


def test_it_stands_beside_only_where_it_is_asked_for() -> None:
    molecules = [Molecule(smiles) for smiles in SMILES]
    assert MoleculeModality().baselines(molecules, SETTINGS, 5, 0, quiet) == {}
