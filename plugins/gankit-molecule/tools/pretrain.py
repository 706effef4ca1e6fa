"""Makes the pretrained autoencoder that comes with the plugin.

    python plugins/gankit-molecule/tools/pretrain.py [--data FILE] [--out FILE] [--epochs 120]

Without ``--data``, of RDKit's NCI molecules, which are in the public domain. On another computer
the weights differ by rounding.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from gankit.contract import Fitting, quiet
from gankit_molecule.codec.fitting import fit
from gankit_molecule.codec.pretrained import FILE, save
from gankit_molecule.data.sources import read
from gankit_molecule.settings import MoleculeSettings

SETTINGS = MoleculeSettings(cache="none", pretrained="none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="molecules; the NCI's by default")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--epochs", type=float, default=120)
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = replace(SETTINGS, epochs=given.epochs)
    data = read(given.data, settings, quiet)
    codec = fit(data.items, settings, Fitting(progress=_said))
    save(codec, given.out, f"{len(data.items):,} molecules; {data.licence or given.data}")


def _said(what: str, done: int, total: int) -> None:
    if done % 200 == 1 or done == total:
        print(f"{what}: {done:,} of {total:,}", flush=True)


if __name__ == "__main__":
    main()
