from pathlib import Path

import pytest
from rdkit import Chem, RDConfig

from gankit_molecule.codec.notations import NOTATIONS

FILE = Path(RDConfig.RDDataDir) / "NCI" / "first_200.props.sdf"


@pytest.fixture(scope="module")
def smiles() -> list[str]:
    return [Chem.MolToSmiles(mol) for mol in Chem.SDMolSupplier(str(FILE)) if mol is not None]


@pytest.mark.parametrize("name", [name for name in NOTATIONS if name != "selfies"])
def test_what_is_written_is_read_as_the_same_molecule(name: str, smiles: list[str]) -> None:
    notation = NOTATIONS[name]()
    assert len(smiles) > 100
    for text in smiles:
        for written in (notation.written(text), *notation.randomised(text, 3)):
            assert Chem.CanonSmiles(notation.read(written)) == text


def test_kekule_has_no_aromatic_atoms(smiles: list[str]) -> None:
    notation = NOTATIONS["kekule"]()
    for text in smiles:
        for written in (notation.written(text), *notation.randomised(text, 3)):
            mol = Chem.MolFromSmiles(written, sanitize=False)
            assert not any(atom.GetIsAromatic() for atom in mol.GetAtoms())


def test_what_is_no_molecule_is_left_as_it_is() -> None:
    assert NOTATIONS["kekule"]().written("no molecule") == "no molecule"
