"""What a user can set; the docstring under each field is what the command line shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gankit.errors import GankitError
from gankit.kit.cache import Cache, open_cache, system_folder


@dataclass(frozen=True)
class MoleculeSettings:
    """Settings of the molecule plugin."""

    smiles_key: str = "auto"
    """Column of a table that has the SMILES; auto looks for smiles, SMILES, canonical_smiles,
    structure and mol."""
    name_key: str = "auto"
    """Column of names; auto looks for name, id, compound, chembl_id and zinc_id."""
    limit: int = 0
    """Molecules to take, drawn at random with a fixed seed; 0 takes all."""
    salts: Literal["largest", "keep", "drop"] = "largest"
    """Of several parts, such as salts: keep the largest one, all, or leave such molecules out."""
    charges: Literal["neutralise", "keep"] = "neutralise"
    """Whether charges are neutralised where that is possible."""
    stereo: Literal["remove", "keep"] = "remove"
    """Whether to keep stereochemistry."""
    isotopes: Literal["remove", "keep"] = "remove"
    """Whether to keep labels of isotopes."""
    inorganic: Literal["drop", "keep"] = "drop"
    """Whether to leave out molecules without carbon."""
    most_atoms: int = 100
    """Molecules of more heavy atoms are left out."""
    strict: bool = False
    """Whether one unusable entry stops the run; otherwise such entries are left out and named."""
    cache: str = "auto"
    """Folder that keeps standardised molecules, properties and trained encoders for later runs;
    auto is a folder of the system's cache, none keeps nothing."""
    workers: int = 0
    """Processes for RDKit; 0 takes one a core."""

    conditions: tuple[str, ...] = ("logp", "mw", "qed", "sa")
    """What can be asked for: properties (logp, mw, qed, sa, tpsa, hbd, hba, rings, rotatable, fsp3,
    atoms) and numeric columns of the data."""
    notation: Literal["kekule", "smiles", "selfies"] = "kekule"
    """What the autoencoder writes: kekule is SMILES with all double bonds, of which more are valid;
    smiles has aromatic atoms as small letters; selfies needs the package of that name."""
    vocabulary: int = 512
    """Tokens: atoms, bonds, and the commonest fragments up to this number; 0 has no fragments."""
    latent: int = 64
    """Dimensions of the molecules' latent space."""
    width: int = 256
    """Units of the autoencoder."""
    units: int = 256
    """Units of the generator and the discriminator."""
    smooth: float = 0.7
    """Deviation of the noise that latents carry while the decoder learns, in deviations of the
    latents: more makes more of the space valid, less keeps more of each molecule."""
    epochs: float = 0
    """Passes over the data for the autoencoder; 0 takes what the data's size asks for."""

    objective: str = ""
    """What molecules are to have much of (recipe optimize): an expression of properties, such as
    'qed - 0.1*sa', with + - * / **, abs, min, max, exp, log; or a function that gives a list of
    SMILES one number each, package.module:function or file.py:function. Higher is better: for
    less of something an expression has a minus sign."""
    calls: int = 20_000
    """Molecules that may be scored in all."""
    scorer_batch: int = 64
    """Molecules that a function is given at once."""
    scorer_seconds: float = 300.0
    """Seconds that a function may take for a batch, after which it is ended and begun anew."""
    elites: int = 3000
    """Best molecules found, from whose latents the generator learns; no more than a fourth of the
    new ones."""
    per_scaffold: int = 25
    """Of them, the most with one scaffold: so that they stay unlike each other."""
    pull: float = 1.0
    """Share of the molecules the discriminator takes for real that are the best ones found; the
    others are the data's."""
    reward: float = 0.0
    """Weight of the score that a network foretells from latents, in the generator's loss."""

    raw: bool = False
    """Whether what is no molecule is kept, at generation; otherwise it is decoded again."""
    temperature: float = 0.1
    """Of the decoder's draws, at generation: less writes what is likelier; 0 what is likeliest."""
    scaffold: str = ""
    """SMILES of a core that every molecule has, at generation. It is substituted where a * marks
    it, as in c1ccc2[nH]cc(*)c2c1; without any, wherever it has hydrogen."""
    novel: bool = False
    """Whether molecules of the training set are decoded again, at generation; not with raw. The
    model knows them by hashes of their SMILES, 8 bytes a molecule."""

    extractors: tuple[str, ...] = ("chemnet",)
    """Features of evaluate: chemnet (FCD), fingerprint."""
    rnn: bool = False
    """Whether evaluate also trains a character RNN on the same molecules, as large as the
    autoencoder's decoder and with as many passes, and shows its scores beside. The cache keeps it.
    """


def check_ranges(*asked: tuple[str, float, float, float]) -> None:
    """Settings by their names, each with the least and the most that it may be.

    Raises:
        GankitError: one is out of range.
    """
    for name, value, least, most in asked:
        if not least <= value <= most:
            raise GankitError(f"{name}={value}: out of range", f"Set {least} to {most:,}")


def cache_of(settings: MoleculeSettings) -> Cache:
    """The cache that the settings name; by default the plugin's folder in the system's cache.

    Raises:
        GankitError: the folder that the user named cannot be created.
    """
    return open_cache(settings.cache, system_folder("molecule"))
