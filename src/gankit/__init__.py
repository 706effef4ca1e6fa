"""gankit: one adversarial engine, every modality a plugin.

>>> import gankit
>>> run = gankit.fit("image")                          # doctest: +SKIP
>>> digits = run.sample(64, seed=1)                    # doctest: +SKIP
>>> run.save(digits, "digits")                         # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gankit.api.fitting import fit as fit
    from gankit.api.fitting import load as load
    from gankit.api.run import Run as Run
    from gankit.api.samples import Samples as Samples
    from gankit.api.trainer import Trainer as Trainer
    from gankit.contract import Callback as Callback
    from gankit.contract import Networks as Networks
    from gankit.contract import Objective as Objective
    from gankit.errors import GankitError as GankitError

_HOMES = {
    "Callback": "gankit.contract",
    "GankitError": "gankit.errors",
    "Networks": "gankit.contract",
    "Objective": "gankit.contract",
    "Run": "gankit.api.run",
    "Samples": "gankit.api.samples",
    "Trainer": "gankit.api.trainer",
    "fit": "gankit.api.fitting",
    "load": "gankit.api.fitting",
}
"""Where each name is defined; imported on first use, so that ``import gankit`` is fast."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gankit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
