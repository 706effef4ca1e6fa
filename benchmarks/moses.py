"""The full protocol of MOSES (Polykovskiy et al. 2020), for a run's raw molecules.

Train on MOSES' training set, generate, and compare with its reference statistics:

    gankit train --plugin molecule --data train.csv.gz --out run
    gankit generate run -n 30000 raw=true temperature=1 --out made
    python benchmarks/moses.py made/molecules.smi --train train.csv.gz --stats test_stats.npz

The statistics are MOSES' own file, of all 176,074 test molecules. It contains pickled counts, which
can execute code when they are read: use only the file from MOSES' repository.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np

from gankit.contract import quiet
from gankit.metrics import GaussianStats, frechet_distance
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import mapped
from gankit_molecule.data.properties import measure
from gankit_molecule.data.standardise import standardise
from gankit_molecule.evaluation.alerts import alerts_of
from gankit_molecule.evaluation.chemnet import ChemNetExtractor
from gankit_molecule.evaluation.moses import (
    cosine,
    counted,
    describe,
    internal_diversity,
    neighbour_similarity,
    novelty,
    uniqueness,
    wasserstein,
)
from gankit_molecule.settings import MoleculeSettings

PUBLISHED = {
    "valid": (0.975, 0.977, 0.897),
    "unique@1k": (1.0, 1.0, 1.0),
    "unique@10k": (0.999, 0.998, 0.997),
    "FCD/Test": (0.073, 0.099, 0.297),
    "SNN/Test": (0.602, 0.626, 0.537),
    "Frag/Test": (1.0, 0.999, 0.999),
    "Scaf/Test": (0.924, 0.939, 0.887),
    "IntDiv": (0.856, 0.856, 0.857),
    "Filters": (0.994, 0.997, 0.974),
    "Novelty": (0.842, 0.695, 0.950),
}
"""Of CharRNN, VAE and LatentGAN, from MOSES' README; means of three runs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("made", nargs="+", type=Path, help="SMILES, one a line, invalid ones too")
    parser.add_argument("--train", required=True, type=Path)
    parser.add_argument("--stats", required=True, type=Path)
    args = parser.parse_args()
    with gzip.open(args.train, "rt") as file:
        train = {line.split(",")[0].strip() for line in file}
    reference = np.load(args.stats, allow_pickle=True)["stats"].item()
    columns = [scores(path, train, reference) for path in args.made]
    names = " | ".join(path.parent.name for path in args.made)
    print(f"| score | {names} | CharRNN | VAE | LatentGAN |\n|{'---|' * (len(columns) + 4)}")
    for name in columns[0]:
        known = PUBLISHED.get(name, ())
        numbers = [*(column[name] for column in columns), *known]
        print(f"| {name} | {' | '.join(f'{x:.4g}' for x in numbers)} |{' |' * (3 - len(known))}")


def scores(
    path: Path, train: set[str], reference: dict[str, dict[str, object]]
) -> dict[str, float]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    texts = [(line.split() or [""])[0] for line in lines]
    read = [standardise(text, MoleculeSettings()) if text else None for text in texts]
    smiles = [found for found in read if isinstance(found, str)]
    described = [found for found in mapped(describe, smiles, 0, "", quiet) if found is not None]
    bits = np.stack([found.bits for found in described])
    alerts = [found for found in mapped(alerts_of, smiles, 0, "", quiet) if found is not None]
    features = ChemNetExtractor().features([Molecule(text) for text in smiles])
    true = GaussianStats(reference["FCD"]["mu"], reference["FCD"]["sigma"], 176_074)
    known = np.packbits(np.asarray(reference["SNN"]["fps"], bool), axis=1)
    properties = measure(smiles, ("logp", "sa", "qed", "mw"))
    found = {
        "generated": len(texts),
        "valid": len(smiles) / len(texts),
        "unique@1k": uniqueness(smiles, 1000),
        "unique@10k": uniqueness(smiles, 10_000),
        "FCD/Test": frechet_distance(true, GaussianStats.of(features)),
        "SNN/Test": neighbour_similarity(bits, known),
        "Frag/Test": cosine(counted(d.fragments for d in described), reference["Frag"]["frag"]),
        "Scaf/Test": cosine(counted((d.scaffold,) for d in described), reference["Scaf"]["scaf"]),
        "IntDiv": internal_diversity(bits),
        "IntDiv2": internal_diversity(bits, 2),
        "Filters": float(np.mean([a.passes for a in alerts])),
        "Novelty": novelty(smiles, train),
    }
    for name, column in zip(("logP", "SA", "QED", "weight"), properties.T, strict=True):
        found[name] = wasserstein(column, np.array(reference[name]["values"]))
    return found


if __name__ == "__main__":
    main()
