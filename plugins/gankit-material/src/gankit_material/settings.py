"""Settings; the docstring under each field is shown on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gankit.contract import Bounds


@dataclass(frozen=True)
class MaterialSettings:
    """Settings of the material plugin."""

    column: str = "auto"
    """Column of formulas in a table; auto looks for formula, composition, pretty_formula and the
    like in any case, then for one whose cells are formulas."""
    label: str = ""
    """Column of classes, such as a crystal system, to condition on; none by default."""
    conditions: tuple[str, ...] = ("auto",)
    """Columns of numbers to condition on; auto takes up to four that nearly all rows have, an
    empty list none."""
    delimiter: str = ""
    """Between the values of a line, such as ``;`` or ``\\t``; detected by default."""
    limit: Annotated[int, Bounds(0)] = 0
    """Materials to read, drawn at random with a fixed seed; 0 for all."""
    same: Literal["first", "keep"] = "first"
    """Of rows with the same reduced formula: keep the first, or all. Generated files keep all."""
    lowest: str = ""
    """Of rows with the same reduced formula, keep the one with the lowest value in this column,
    such as the formation energy of the most stable polymorph."""
    fractions: Literal["skip", "round"] = "skip"
    """Formulas with fractional amounts, such as Fe0.7Ni0.3: skip them, or approximate them by
    integers of up to ``most`` per element; either is counted and shown."""
    isotopes: Literal["merge", "skip"] = "merge"
    """Formulas with deuterium (D) or tritium (T): read these as hydrogen, or skip them."""
    remember: bool = True
    """Whether the model keeps hashes of the training formulas, 8 bytes each, which ``novel`` needs.
    Who has the model can then test whether a formula was among them: false for private data."""
    strict: bool = False
    """Whether one unusable entry is an error; otherwise such entries are skipped and listed."""

    elements: Annotated[int, Bounds(1, 12)] = 5
    """Most elements in a formula; formulas with more are skipped, counted, and shown."""
    most: Annotated[int, Bounds(1, 400)] = 20
    """Largest count of an element in a reduced formula; formulas with more are skipped."""
    units: Annotated[int, Bounds(8, 4096)] = 128
    """Hidden units of both networks."""
    smoothing: Annotated[float, Bounds(0, 0.9)] = 0.0
    """Share of an element's probability that the warm-up gives to the others of its group in the
    periodic table: more makes more formulas new."""

    structures: bool = False
    """Sampling-time option: also assign a crystal structure, from a prototype with the same
    anonymous formula."""
    relax: bool = False
    """Sampling-time option: assign structures and relax them with CHGNet
    (``gankit-material[chgnet]``)."""
    relax_steps: Annotated[int, Bounds(0, 10_000)] = 50
    """Sampling-time option: most steps of a relaxation; 0 only predicts the energy."""
    temperature: Annotated[float, Bounds(0.05, 5)] = 1.0
    """Sampling-time option: of the draw of elements. Below 1 more typical combinations, more of
    which are in the training data; above 1 more unusual ones."""
    count_temperature: Annotated[float, Bounds(0.05, 5)] = 1.0
    """Sampling-time option: of the draw of counts. Below 1 more formulas are balanced."""

    novel: bool = False
    """Sampling-time option: formulas of the training data are drawn anew, up to eight times. A
    filter: scores with it are not the generator's own."""

    hull: str = ""
    """File of entries with energies (CSV or JSON lines with formula and energy_per_atom) from which
    evaluation builds a convex hull; none by default."""
