"""Salts: the drug is kept, whatever is larger; and how often something was cut is known."""

from __future__ import annotations

import random

import pytest
from rdkit import Chem

from gankit_molecule.data.salts import ACIDS_AND_BASES, OFTEN_THE_DRUG, OTHER, SOLVENTS, kind_of
from gankit_molecule.data.standardise import Done, UnusableError, standardise, standardised
from gankit_molecule.settings import MoleculeSettings

DEFAULT = MoleculeSettings()
MEGLUMINE = "CNC[C@@H]([C@H]([C@@H]([C@@H](CO)O)O)O)O"
PAMOATE = "OC(=O)c1cc2ccccc2c(Cc2c(O)c(cc3ccccc23)C(=O)O)c1O"
CITRATE = "OC(=O)CC(O)(C(=O)O)C(=O)O"

ATORVASTATIN = (
    "CC(C)c1c(C(=O)Nc2ccccc2)c(-c2ccccc2)c(-c2ccc(F)cc2)n1CC[C@@H](O)C[C@@H](O)CC(=O)[O-]"
)

SALTS = {
    "tafamidis meglumine": f"{MEGLUMINE}.c1cc2c(cc1C(=O)O)oc(n2)c3cc(cc(c3)Cl)Cl",
    "flunixin meglumine": f"{MEGLUMINE}.Cc1c(Nc2ncccc2C(=O)O)cccc1C(F)(F)F",
    "atorvastatin calcium": f"[Ca+2].{ATORVASTATIN}.{ATORVASTATIN}",
    "imatinib mesylate": "CS(=O)(=O)O.Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
    "amlodipine besylate": "OS(=O)(=O)c1ccccc1.CCOC(=O)C1=C(COCCN)NC(C)=C(C1c1ccccc1Cl)C(=O)OC",
    "sildenafil citrate": f"{CITRATE}.CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1",
    "pyrantel pamoate": f"{PAMOATE}.CN1CCCN=C1/C=C/c1cccs1",
    "hydroxyzine pamoate": f"{PAMOATE}.OCCOCCN1CCN(CC1)C(c1ccccc1)c1ccc(Cl)cc1",
    "diclofenac diethylamine": "CCNCC.OC(=O)Cc1ccccc1Nc1c(Cl)cccc1Cl",
    "diclofenac epolamine": "OCCN1CCCC1.OC(=O)Cc1ccccc1Nc1c(Cl)cccc1Cl",
    "ketorolac tromethamine": "NC(CO)(CO)CO.OC(=O)C1CCn2c1ccc2C(=O)c1ccccc1",
    "sodium valproate": "[Na+].CCCC(CCC)C(=O)[O-]",
    "diethylcarbamazine citrate": f"{CITRATE}.CCN(CC)C(=O)N1CCN(C)CC1",
    "salmeterol xinafoate": "OC(=O)c1ccc2ccccc2c1O.OCc1cc(ccc1O)C(O)CNCCCCCCOCCCCc1ccccc1",
    "metformin embonate": f"{PAMOATE}.CN(C)C(=N)NC(=N)N.CN(C)C(=N)NC(=N)N",
    "memantine hydrochloride": "Cl.CC12CC3CC(C)(C1)CC(N)(C3)C2",
    "benzathine penicillin": "c1ccc(CNCCNCc2ccccc2)cc1.CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O",
    "a tosylate dihydrate": "O.O.Cc1ccc(cc1)S(=O)(=O)O.CC(N)Cc1ccccc1",
    "a lactobionate": "OCC(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)C(O)C(=O)O.CC(N)COc1ccccc1",
    "perindopril erbumine": "CC(C)(C)N.CCCC(NC(C)C(=O)N1C2CCCCC2CC1C(=O)O)C(=O)OCC",
    "theophylline ethylenediamine": "NCCN.Cn1c2nc[nH]c2c(=O)n(C)c1=O",
    "a tetraphenylborate": "c1ccc([B-](c2ccccc2)(c2ccccc2)c2ccccc2)cc1.CC(=O)OCC[N+](C)(C)C",
    "piperazine citrate": f"{CITRATE}.C1CNCCN1",
    "a solvate": "CS(C)=O.CS(C)=O.CNC(=O)c1cc(ccn1)Oc1ccccc1",
    "phenelzine sulfate": "OS(=O)(=O)O.NNCCc1ccccc1",
    "amphetamine aspartate": "NC(CC(=O)O)C(=O)O.CC(N)Cc1ccccc1",
    "potassium clavulanate": "[K+].OCC=C1OC2CC(=O)N2C1C(=O)[O-]",
    "a docusate": "CCCCC(CC)COC(=O)CC(C(=O)OCC(CC)CCCC)S(=O)(=O)O.CN1CCCC1c1cccnc1",
    "an iron fumarate": "[Fe+2].[O-]C(=O)C=CC(=O)[O-].CC(N)Cc1ccccc1",
}
"""Salts by name; the drug is the last of the parts."""


@pytest.mark.parametrize("name", SALTS)
def test_the_drug_is_kept(name: str) -> None:
    text = SALTS[name]
    drug = text.split(".")[-1]
    assert standardise(text, DEFAULT) == standardise(drug, DEFAULT), name
    parts = text.split(".")
    random.Random(0).shuffle(parts)
    found = standardised(".".join(parts), DEFAULT)
    assert not isinstance(found, UnusableError)
    assert found[0] == standardise(drug, DEFAULT)
    assert found[1] & Done.SALT
    assert not found[1] & Done.MIXTURE


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),  # nothing but counter-ions: the organic one
        ("OC(=O)c1ccccc1O.C[N+](C)(C)CCO", "O=C(O)c1ccccc1O"),
        ("O.CCO", "CCO"),
        ("CO.CC(=O)O.Cl", "CC(=O)O"),
    ],
)
def test_of_counter_ions_alone_the_organic_one_is_kept(text: str, kept: str) -> None:
    assert standardise(text, DEFAULT) == kept


@pytest.mark.parametrize(
    "text",
    [
        "[Li+].[Li+].[O-]C([O-])=O",
        "[Na+].[Cl-]",
        "N.N.[Cl-].[Cl-].[Pt+2]",
        "[K+].[C-]#N",
        "O.O=C=O",
    ],
)
def test_inorganic_salts_are_skipped(text: str) -> None:
    found = standardise(text, DEFAULT)
    assert isinstance(found, UnusableError)
    assert found.kind == "inorganic"


@pytest.mark.parametrize(
    "text",
    [
        "[CH-]1C=CC=C1.[CH-]1C=CC=C1.[Fe+2]",
        "c1cc[cH-]c1.c1cc[cH-]c1.[Ni+2]",
        "C1CC(C1)(C(=O)[O-])C(=O)[O-].[NH2-].[NH2-].[Pt+4]",
        "[Gd+3].OC(=O)CN(CCN(CC(=O)[O-])CC(=O)[O-])CC(=O)[O-]",
    ],
)
def test_metal_complexes_are_not_cut_into_ligands(text: str) -> None:
    found = standardise(text, DEFAULT)
    assert isinstance(found, UnusableError)
    assert found.why == "a metal complex or organometallic compound"
    assert repr(text) in str(found)


def test_mixtures_of_two_drugs_are_counted() -> None:
    found = standardised("CC(=O)Nc1ccc(O)cc1.CC(C)Cc1ccc(cc1)C(C)C(=O)O.Cl", DEFAULT)
    assert not isinstance(found, UnusableError)
    assert found[0] == "CC(C)Cc1ccc(C(C)C(=O)O)cc1"
    assert found[1] & Done.MIXTURE
    two = standardised("NCc1ccco1.NCc1ccco1.OS(=O)(=O)O", DEFAULT)
    assert not isinstance(two, UnusableError)
    assert two[1] == Done.SALT


def test_the_lists_are_molecules_and_known() -> None:
    for text in (*ACIDS_AND_BASES.strip().splitlines(), *OFTEN_THE_DRUG.strip().splitlines()):
        mol = Chem.MolFromSmiles(text.split()[0])
        assert mol is not None, text
        assert kind_of(Chem.MolToSmiles(mol)) != OTHER, text
    assert all(Chem.MolFromSmiles(text) for text in SOLVENTS.split())
