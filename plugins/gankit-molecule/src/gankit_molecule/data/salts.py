"""Counter-ions and solvents: which part of a salt or mixture is the molecule.

A part is recognised as a whole, uncharged and without stereochemistry: by the lists of RDKit
(``FragmentRemover`` and ``SaltRemover``), and by a list of the acids and bases of drugs that these
lack, some of which are larger than the drug.
"""

from __future__ import annotations

from functools import cache, lru_cache

from rdkit import Chem
from rdkit.Chem import Descriptors
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.SaltRemover import SaltRemover

INORGANIC, SOLVENT, COUNTER_ION, BASE, OTHER = range(5)
"""Kinds of parts; a part of a later kind is kept rather than one of an earlier kind. ``BASE``:
acids and bases that are as often the drug itself, such as piperazine."""

ACIDS_AND_BASES = """
OS(=O)(=O)c1ccccc1 besylate
Cc1ccc(cc1)S(=O)(=O)O tosylate
CCS(=O)(=O)O esylate
OS(=O)(=O)CCS(=O)(=O)O edisylate
OCCS(=O)(=O)O isethionate
OS(=O)(=O)c1ccc(Cl)cc1 closylate
OS(=O)(=O)c1cccc2ccccc12 napsylate
OS(=O)(=O)c1ccc2ccccc2c1 napsylate
OS(=O)(=O)c1cccc2c1cccc2S(=O)(=O)O napadisylate
CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2 camsylate
OS(=O)(=O)C(F)(F)F triflate
COS(=O)(=O)O methylsulfate
CCOS(=O)(=O)O ethylsulfate
CCCCCCCCCCCCOS(=O)(=O)O laurilsulfate
OC(=O)c1cc2ccccc2c(Cc2c(O)c(cc3ccccc23)C(=O)O)c1O embonate
OC(=O)c1cc2ccccc2cc1O xinafoate
OC(=O)c1ccc2ccccc2c1O xinafoate
OC(=O)CC(O)(C(=O)O)C(=O)O citrate
OC(=O)CC(O)C(=O)O malate
OC(=O)C(O)C(O)C(=O)O tartrate
OC(=O)CCC(=O)O succinate
OC(=O)CC(=O)O malonate
CCCCC(CC)COC(=O)CC(C(=O)OCC(CC)CCCC)S(=O)(=O)O docusate
OC(=O)C=CC(=O)O fumarate
OC(=O)C(=O)O oxalate
OC(=O)CCCC(=O)O glutarate
OC(=O)CCCCC(=O)O adipate
OC(=O)CCCCCCCCC(=O)O sebacate
CC(O)C(=O)O lactate
OCC(=O)O glycolate
CCC(=O)O propionate
CCCC(=O)O butyrate
CC(C)(C)C(=O)O pivalate
OC(=O)c1ccccc1C(=O)O phthalate
OC(=O)C(O)c1ccccc1 mandelate
O=C(O)C(OC(=O)c1ccccc1)C(OC(=O)c1ccccc1)C(=O)O dibenzoyltartrate
Cc1ccc(cc1)C(=O)OC(C(OC(=O)c1ccc(C)cc1)C(=O)O)C(=O)O ditoluoyltartrate
OC(=O)c1cc(O)c(O)c(O)c1 gallate
OC(=O)c1ccccc1C(=O)c1ccc(O)cc1 hibenzate
O=C(O)c1cc(=O)[nH]c(=O)[nH]1 orotate
OCC(O)C(O)C(O)C(O)C(=O)O gluconate
OC(=O)C(O)C(O)C(O)C(O)C(=O)O mucate
O=CC(O)C(O)C(O)C(O)C(=O)O glucuronate
O=C(O)C1OC(O)C(O)C(O)C1O glucuronate
OCC(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)C(O)C(=O)O lactobionate
OCC(O)C(O)C(O)C(O)C(O)C(=O)O gluceptate
CCCCCCCCCCCCCCCCCC(=O)O stearate
CCCCCCCCCCCCCCCC(=O)O palmitate
CCCCCCCCC=CCCCCCCCC(=O)O oleate
CCCCCCCCCCCC(=O)O laurate
CCCCCCCCCC(=O)O caprate
CCCCCCCC(=O)O caprylate
CCCCCC(=O)O hexanoate
C=CCCCCCCCCC(=O)O undecylenate
Oc1c([N+](=O)[O-])cc([N+](=O)[O-])cc1[N+](=O)[O-] picrate
Oc1c2ccccc2c([N+](=O)[O-])cc1[N+](=O)[O-] picrolonate
c1ccc([B-](c2ccccc2)(c2ccccc2)c2ccccc2)cc1 tetraphenylborate
O=S1(=O)NC(=O)c2ccccc12 saccharinate
O=C1C=C(C)OS(=O)(=O)N1 acesulfamate
NS(=O)(=O)O sulfamate
OS(=O)(=O)NC1CCCCC1 cyclamate
CC(=O)Nc1ccc(cc1)C(=O)O acedoben
CC(=O)NCC(=O)O aceturate
OC(=O)CNC(=O)c1ccccc1 hippurate
O=C1CCC(N1)C(=O)O pidolate
FC(F)(F)S(=O)(=O)[N-]S(=O)(=O)C(F)(F)F bistriflimide
OC(=O)C(F)(F)F trifluoroacetate
OC(=O)C(Cl)(Cl)Cl trichloroacetate
CNCC(O)C(O)C(O)C(O)CO meglumine
CCNCC(O)C(O)C(O)C(O)CO eglumine
NCC(O)C(O)C(O)C(O)CO glucamine
NC(CO)(CO)CO tromethamine
NCCO olamine
OCCNCCO diolamine
OCCN(CCO)CCO trolamine
CN(C)CCO deanol
CCN(CC)CCO diethylethanolamine
OCCN1CCCC1 epolamine
OCCN1CCOCC1 morpholineethanol
CCNCC diethylamine
CCN(CC)CC triethylamine
CNC dimethylamine
CN methylamine
CCN ethylamine
CN(C)C trimethylamine
CC(C)N isopropylamine
CC(C)NC(C)C diisopropylamine
CC(C)(C)N erbumine
NCCN ethylenediamine
NCCNCCN diethylenetriamine
c1ccc(CNCCNCc2ccccc2)cc1 benzathine
c1ccc(CNCCc2ccccc2)cc1 benethamine
NCc1ccccc1 benzylamine
CC(N)c1ccccc1 phenethylamine
C1CCC(CC1)NC1CCCCC1 dicyclohexylamine
NC1CCCCC1 cyclohexylamine
C1COCCN1 morpholine
C1CCNCC1 piperidine
C1CCNC1 pyrrolidine
CN1CCCCC1 methylpiperidine
CCCC[N+](CCCC)(CCCC)CCCC tetrabutylammonium
CC[N+](CC)(CC)CC tetraethylammonium
C[N+](C)(C)C tetramethylammonium
c1ccncc1 pyridine
NC(=N)N guanidine
NCC(=O)O glycine
NCCCCC(N)C(=O)O lysine
NC(=N)NCCCC(N)C(=O)O arginine
N=C(N)NCCCC(N)C(=O)O arginine
NC(CCC(=O)O)C(=O)O glutamate
NC(CC(=O)O)C(=O)O aspartate
NC(Cc1c[nH]cn1)C(=O)O histidine
"""
"""Acids and bases by SMILES and name."""
OFTEN_THE_DRUG = """
C1CNCCN1 piperazine
C[N+](C)(C)CCO choline
C[N+](C)(C)CC(=O)O betaine
OC(=O)c1ccccc1 benzoate
OC(=O)c1ccccc1O salicylate
OC(=O)c1ccc(O)cc1 paraben
OC(=O)c1ccc(N)cc1 aminobenzoate
OC(=O)c1cccnc1 nicotinate
NC(=O)c1cccnc1 nicotinamide
OC(=O)C=Cc1ccccc1 cinnamate
NC(N)=O urea
CC(O)=NO acetohydroxamate
C1N2CN3CN1CN(C2)C3 methenamine
OC(=O)COc1ccc(Cl)cc1 chlorophenoxyacetate
"""
SOLVENTS = """
CO CCO CCCO CC(C)O CCCCO CC(C)(C)O CCC(C)O CC(C)CO OCCO CC(O)CO OCC(O)CO CC(C)=O CCC(C)=O
CC#N CS(C)=O CN(C)C=O CC(=O)N(C)C CN1CCCC1=O C1CCOC1 CC1CCCO1 C1COCCO1 CCOCC COC(C)(C)C CC(C)OC(C)C
COCCOC CCOC(C)=O COC(C)=O CC(C)OC(C)=O CCOC=O ClCCl ClC(Cl)Cl ClC(Cl)(Cl)Cl ClCCCl c1ccccc1
Cc1ccccc1 Cc1ccccc1C Cc1cccc(C)c1 Cc1ccc(C)cc1 Clc1ccccc1 CCCCC CCCCCC CCCCCCC C1CCCCC1
C[N+](=O)[O-] CC(=O)O O=CO CCc1ccccc1 FC(F)(F)CO
"""
# Carbonates, cyanides and the like have carbon and count as inorganic.
_INORGANIC_CARBON = "O=C(O)O O=C=O C#N N#CS N#CO N=C=S N=C=O S=C=S [C-]#[O+]"
_ALKALINE = frozenset([3, 4, 11, 12, 13, 19, 20, 37, 38, 55, 56, 87, 88])
_METALS = _ALKALINE.union(range(21, 32), range(39, 51), range(57, 85), range(89, 104))
_IONS = _ALKALINE.union([25, 26, 27, 28, 29, 30, 47, 57, 58, 83])
"""Metals that form salts of organic acids; others are the centres of complexes."""


def metal_of(mol: Chem.Mol) -> bool:
    """Whether a molecule has a metal atom."""
    return any(atom.GetAtomicNum() in _METALS for atom in mol.GetAtoms())


def is_complex(parts: tuple[Chem.Mol, ...]) -> bool:
    """Whether the parts are a metal and its ligands, such as ferrocene's, and no salt: the ligands
    are carbanions, or the metal is none that forms salts.
    """
    lone = [p.GetAtomWithIdx(0).GetAtomicNum() for p in parts if p.GetNumAtoms() == 1]
    metals = [number for number in lone if number in _METALS]
    if not metals:
        return False
    organic = [p for p in parts if any(a.GetAtomicNum() == 6 for a in p.GetAtoms())]
    return bool(organic) and (
        any(number not in _IONS for number in metals) or any(map(_is_carbanion, organic))
    )


def _is_carbanion(part: Chem.Mol) -> bool:
    atoms = [a for a in part.GetAtoms() if a.GetAtomicNum() == 6 and a.GetFormalCharge() < 0]
    return any(not any(n.GetFormalCharge() > 0 for n in a.GetNeighbors()) for a in atoms) and (
        part.GetNumAtoms() > 2  # cyanide and carbide
    )


def molecule_of(parts: tuple[Chem.Mol, ...]) -> tuple[Chem.Mol, int, bool]:
    """The part that is the molecule; its kind; and whether there is another one like it, of
    another structure, so that the whole is a mixture.

    Counter-ions and solvents come last, then parts without carbon; of the others the largest by
    heavy atoms is taken, then by weight, then by text, so that their order does not matter.
    """
    ranked = []
    for part in parts:
        text = Chem.MolToSmiles(part)
        kind = kind_of(text)
        heavy, weight = part.GetNumHeavyAtoms(), round(Descriptors.MolWt(part), 3)
        ranked.append((kind, heavy, weight, _flat(text), text, part))
    ranked.sort(key=lambda r: r[:5])
    kind, *_, flat, _, part = ranked[-1]
    others = {r[3] for r in ranked if r[0] == OTHER and r[3] != flat}
    return part, kind, kind == OTHER and bool(others)


@lru_cache(maxsize=100_000)
def kind_of(text: str) -> int:
    """The kind of a part, by its SMILES."""
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        return OTHER
    flat = _flat(text)
    if not any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()) or flat in _inorganic():
        return INORGANIC
    if flat in _solvents():
        return SOLVENT
    if flat in _often_the_drug():
        return BASE
    if flat in _acids_and_bases() or _in_rdkits_lists(flat):
        return COUNTER_ION
    return OTHER


@lru_cache(maxsize=100_000)
def _flat(text: str) -> str:
    """A part without charges, stereochemistry and isotopes."""
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        return text
    Chem.RemoveStereochemistry(mol)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    return str(Chem.MolToSmiles(rdMolStandardize.Uncharger().uncharge(mol)))


def _in_rdkits_lists(flat: str) -> bool:
    mol = Chem.MolFromSmiles(flat)
    if mol is None or mol.GetNumHeavyAtoms() > 20:
        return False
    remover, salts = _rdkits_lists()
    return not remover.remove(mol).GetNumAtoms() or not salts.StripMol(mol).GetNumAtoms()


@cache
def _rdkits_lists() -> tuple[rdMolStandardize.FragmentRemover, SaltRemover]:
    return rdMolStandardize.FragmentRemover("", False, False), SaltRemover()


@cache
def _inorganic() -> frozenset[str]:
    return frozenset(map(_flat, _INORGANIC_CARBON.split()))


@cache
def _solvents() -> frozenset[str]:
    return frozenset(map(_flat, SOLVENTS.split()))


@cache
def _acids_and_bases() -> frozenset[str]:
    return frozenset(_flat(line.split()[0]) for line in ACIDS_AND_BASES.strip().splitlines())


@cache
def _often_the_drug() -> frozenset[str]:
    return frozenset(_flat(line.split()[0]) for line in OFTEN_THE_DRUG.strip().splitlines())
