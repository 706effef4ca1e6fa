"""Other names that people give settings: those of argparse scripts, scikit-learn and PyTorch."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gankit.config.values import set_twice
from gankit.errors import GankitError

ALIASES = {
    "lr": "optim.lr",
    "learning_rate": "optim.lr",
    "d_lr": "optim.d_lr",
    "beta1": "optim.beta1",
    "beta2": "optim.beta2",
    "batch": "train.batch",
    "batch_size": "train.batch",
    "seed": "train.seed",
    "random_state": "train.seed",
    "num_workers": "data.workers",
    "consent": "data.consent",
    "image_size": "resolution",
    "img_size": "resolution",
}
"""Each has one meaning; where that is a plugin's setting, only with plugins that have it."""


def canonical(key: str, own: Collection[str]) -> str:
    """The setting that a key means.

    Args:
        own: the plugin's settings, which win over aliases.
    """
    meant = ALIASES.get(key, key)
    return meant if key not in own and ("." in meant or meant in own) else key


def canonical_words(words: Iterable[str], own: Collection[str]) -> list[str]:
    """``key=value`` words under the settings' own names.

    Raises:
        GankitError: two of them set the same.
    """
    found = []
    for word in words:
        key, equals, value = word.partition("=")
        found.append(canonical(key.strip(), own) + equals + value if equals else word)
    if twice := set_twice(found):
        raise GankitError(f"{twice} is given twice", f"Give {twice} once")
    return found
