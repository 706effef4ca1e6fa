"""Relaxes cells and predicts their energy with CHGNet (Deng et al. 2023, arXiv 2302.14231), whose
weights are in its package; nothing is downloaded. Needs ``gankit-material[chgnet]``."""

from __future__ import annotations

import importlib.util
import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit.errors import GankitError
from gankit_material.data.items import Cell, Material

if TYPE_CHECKING:
    from gankit_material.settings import MaterialSettings

VERSION = "0.3.0"
"""Of the weights, as their folder is called."""
MOST_FORCE = 0.1
"""eV/Å below which all forces, and the cell's, count as none."""
LEAST_VOLUME, MOST_VOLUME = 0.25, 4.0
"""Times the volume before; a cell that leaves these bounds did not converge to anything."""


def is_installed() -> bool:
    """Whether relaxation is possible, without importing anything."""
    return importlib.util.find_spec("chgnet") is not None


def prepare() -> None:
    """Imports CHGNet and loads its weights, which takes seconds.

    Raises:
        GankitError: it is not installed.
    """
    if not is_installed():
        raise GankitError(
            "relax=true needs CHGNet, which is not installed",
            "Install it: pip install 'gankit-material[chgnet]'; or set relax=false",
        )
    _calculator()


def relaxed(material: Material, settings: MaterialSettings) -> Material:
    """A material whose cell and positions are relaxed, at most ``settings.relax_steps`` steps of
    FIRE.

    ``notes`` then have ``energy_per_atom`` (eV, as CHGNet predicts it: comparable among its
    predictions only), ``max_force`` (eV/Å), ``converged`` and ``relax_steps``. A cell that cannot
    be relaxed, or leaves reasonable volumes, stays as it was, with ``converged`` false.

    Raises:
        GankitError: CHGNet is not installed.
    """
    if material.cell is None:
        return material
    prepare()
    cell = material.cell
    try:
        found, energy, force, steps, done = _relax(cell, settings.relax_steps)
    except (ValueError, RuntimeError, KeyError, IndexError, np.linalg.LinAlgError):
        return replace(material, notes={**material.notes, "converged": False, "relax_steps": 0})
    change = _volume(found) / _volume(cell)
    usable = math.isfinite(energy) and LEAST_VOLUME < change < MOST_VOLUME
    notes = {
        **material.notes,
        "converged": usable and done,
        "relax_steps": steps,
        **(
            {
                "energy_per_atom": round(energy, 5),
                "max_force": round(force, 4),
                "volume_per_atom": round(_volume(found) / len(found.species), 4),
            }
            if usable
            else {}
        ),
    }
    return replace(material, cell=found if usable else cell, notes=notes)


def _relax(cell: Cell, most: int) -> tuple[Cell, float, float, int, bool]:
    """The cell, its energy in eV per atom, the largest force on an atom in eV/Å, the number of
    steps, and whether forces and stress ended below the limit."""
    from ase import Atoms
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    atoms = Atoms(
        symbols=cell.species, scaled_positions=cell.positions, cell=cell.lattice, pbc=True
    )
    with _quiet():
        atoms.calc = _calculator()
        if most > 0:
            optimizer = FIRE(FrechetCellFilter(atoms), logfile=None)
            done = bool(optimizer.run(fmax=MOST_FORCE, steps=most))
            steps = int(optimizer.nsteps)
        else:
            done, steps = False, 0
        energy = float(atoms.get_potential_energy()) / len(atoms)
        force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    a, b, c = (tuple(float(x) for x in row) for row in np.asarray(atoms.cell))
    places = [tuple(float(x) for x in row) for row in atoms.get_scaled_positions()]
    return Cell((a, b, c), cell.species, tuple(places)), energy, force, steps, done  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _calculator() -> Any:
    """CHGNet as a calculator of ASE.

    Its own ``load`` unpickles the file; the tensors and the settings in it can be read without.
    """
    import torch

    with _quiet():
        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet

        stored = torch.load(_weights(), map_location="cpu", weights_only=True)
        model = CHGNet.from_dict(stored["model"], mlp_out_bias=False, version=VERSION)
        return CHGNetCalculator(model=model, use_device="cpu", on_isolated_atoms="ignore")


def _weights() -> Path:
    found = importlib.util.find_spec("chgnet")
    places = [Path(p) for p in (found.submodule_search_locations or ())] if found else []
    files = [f for p in places for f in sorted((p / "pretrained" / VERSION).glob("*.pth.tar"))]
    if not files:
        raise GankitError(
            f"this CHGNet comes without its weights {VERSION}",
            "Install another version: pip install 'chgnet>=0.4,<0.5'; or set relax=false",
        )
    return files[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """CHGNet and ASE warn of things that nobody here can change, and print where tables may be
    written to."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _volume(cell: Cell) -> float:
    return abs(float(np.linalg.det(np.array(cell.lattice))))
