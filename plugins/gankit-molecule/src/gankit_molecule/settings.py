"""Settings; the docstring under each field is shown on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gankit.contract import Bounds
from gankit.kit.cache import Cache, open_cache
from gankit.kit.files import cache_folder


@dataclass(frozen=True)
class MoleculeSettings:
    """Settings of the molecule plugin."""

    smiles_key: str = "auto"
    """Column of SMILES or InChI in a table; auto looks for smiles, canonical_smiles, structure, mol
    and inchi in any case, then for one whose cells are molecules."""
    name_key: str = "auto"
    """Column of names; auto looks for name, id, compound, chembl_id and zinc_id."""
    limit: Annotated[int, Bounds(0)] = 0
    """Molecules to read, drawn at random with a fixed seed; 0 for all."""
    salts: Literal["largest", "keep", "drop"] = "largest"
    """Of several parts, such as salts: keep the largest that is no known counter-ion or solvent,
    keep all, or skip such molecules."""
    charges: Literal["neutralise", "keep"] = "neutralise"
    """Whether charges are neutralised where that is possible."""
    stereo: Literal["remove", "keep"] = "remove"
    """Whether to keep stereochemistry."""
    isotopes: Literal["remove", "keep"] = "remove"
    """Whether to keep isotope labels."""
    inorganic: Literal["drop", "keep"] = "drop"
    """Whether to skip molecules without carbon."""
    most_atoms: Annotated[int, Bounds(1)] = 100
    """Molecules with more heavy atoms are skipped."""
    strict: bool = False
    """Whether one unusable entry is an error; otherwise such entries are skipped and listed."""
    cache: str = "auto"
    """Folder for standardised molecules, properties and trained autoencoders of later runs; auto is
    a folder in the system's cache, none caches nothing."""
    workers: Annotated[int, Bounds(0)] = 0
    """Processes for RDKit; 0 for one per core."""

    conditions: tuple[str, ...] = ("logp", "mw", "qed", "sa")
    """Properties to condition on: computed ones (logp, mw, qed, sa, tpsa, hbd, hba, rings,
    rotatable, fsp3, atoms) and numeric columns of the data."""
    notation: Literal["kekule", "smiles", "selfies"] = "kekule"
    """Notation of the autoencoder: kekule is SMILES with all double bonds, more of which are valid;
    smiles has aromatic atoms in lower case; selfies needs the package of that name."""
    vocabulary: Annotated[int, Bounds(0, 10_000)] = 512
    """Tokens: atoms, bonds, and the most frequent fragments up to this number; 0 for no
    fragments."""
    latent: Annotated[int, Bounds(2, 1024)] = 64
    """Dimensions of the latent space."""
    width: Annotated[int, Bounds(8, 4096)] = 256
    """Units of the autoencoder."""
    units: Annotated[int, Bounds(8, 4096)] = 256
    """Units of the generator and the discriminator."""
    smooth: Annotated[float, Bounds(0, 10)] = 0.7
    """Standard deviation of the noise on latents when the decoder is trained, relative to the
    latents: more makes more of the space valid, less preserves more of each molecule."""
    epochs: Annotated[float, Bounds(0, 10_000)] = 0
    """Epochs of the autoencoder's training; 0 depends on the data's size."""
    pretrained: Literal["auto", "none"] = "auto"
    """auto: with fewer than 5,000 molecules, the autoencoder starts from one that was trained on
    molecules of the NCI and comes with the plugin, if notation, latent and width are the defaults
    and the data is not the NCI's. none: always from scratch."""

    objective: str = ""
    """Objective to optimise (recipe optimize): an expression of properties, such as 'qed - 0.1*sa',
    with + - * / **, abs, min, max, exp, log; or a function from a list of SMILES to one number
    each, package.module:function or file.py:function. Higher is better: to minimise, use a minus
    sign."""
    calls: Annotated[int, Bounds(10, 10**9)] = 20_000
    """Molecules that may be scored in all."""
    scorer_batch: Annotated[int, Bounds(1, 1_000_000)] = 64
    """Molecules that a function gets at once."""
    scorer_seconds: Annotated[float, Bounds(0.01, 10**7)] = 300.0
    """Time limit of a function for a batch, in seconds, after which it is restarted."""
    elites: Annotated[int, Bounds(2, 1_000_000)] = 3000
    """Best molecules found, on whose latents the generator is trained; at most a fourth of the new
    ones."""
    per_scaffold: Annotated[int, Bounds(1, 1_000_000)] = 25
    """Elites with the same scaffold, at most, for diversity."""
    pull: Annotated[float, Bounds(0, 1)] = 1.0
    """Share of elites among the discriminator's real molecules; the others are the data's."""
    reward: Annotated[float, Bounds(0, 1000)] = 0.0
    """Weight of the predicted score of a latent in the generator's loss."""

    raw: bool = False
    """Sampling-time option: write the first decoding, also where it is invalid; otherwise invalid
    molecules are resampled, and left out where no try is valid."""
    temperature: Annotated[float, Bounds(0, 10)] = 0.1
    """Sampling-time option: temperature of the decoder; 0 takes the most likely tokens."""
    scaffold: str = ""
    """Sampling-time option: SMILES of a core that every molecule has. It is substituted where a *
    marks it, as in c1ccc2[nH]cc(*)c2c1; without any, wherever it has hydrogen."""
    novel: bool = False
    """Sampling-time option: resample molecules of the training set; not with raw. The model stores
    hashes of their SMILES, 8 bytes per molecule."""

    extractors: tuple[str, ...] = ("chemnet",)
    """Features for evaluate: chemnet (FCD), fingerprint."""
    rnn: bool = False
    """Whether evaluate also trains a character RNN on the same molecules, of the size of the
    autoencoder's decoder and for as many epochs, and shows its scores as a baseline. It is
    cached."""


def cache_of(settings: MoleculeSettings) -> Cache:
    """The cache of the settings, outside :meth:`MoleculeModality.fit_codec`.

    Raises:
        GankitError: the folder that the user named cannot be created.
    """
    return open_cache(settings.cache, cache_folder("molecule"))
