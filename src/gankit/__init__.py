"""gankit: one adversarial engine, every modality a plugin.

>>> import gankit
>>> run = gankit.fit("image")                          # doctest: +SKIP
>>> digits = run.sample(64, seed=1)                    # doctest: +SKIP
>>> run.save(digits, "digits")                         # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gankit.workflows.api import Run as Run
    from gankit.workflows.api import fit as fit

__all__ = ["Run", "fit", "load"]


def load(path: Any) -> Run:
    """The run in a directory, or the model in a copied ``model/`` folder."""
    from gankit.workflows.api import Run

    return Run(path)


def __getattr__(name: str) -> Any:
    if name in ("Run", "fit"):
        from gankit.workflows import api

        return getattr(api, name)
    raise AttributeError(name)
