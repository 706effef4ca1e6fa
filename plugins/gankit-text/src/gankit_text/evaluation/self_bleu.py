"""Self-BLEU: how much texts of a set are like each other (Zhu et al. 2018, arXiv 1802.01886)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

ORDER = 4


def self_bleu(texts: Sequence[Sequence[Hashable]], size: int, rng: np.random.Generator) -> float:
    """The mean BLEU-4 of each of ``size`` texts with the other ``size - 1`` as references.

    A text is never its own reference, but a repeat of it is one. BLEU grows with the number of
    references: only values of the same ``size`` compare. N-grams of more than one word are counted
    with one added (Lin and Och 2004); texts of fewer than four words have only shorter ones.

    Args:
        texts: words of each; those without any are left out.
        size: texts that are drawn, or all where there are fewer.

    Returns:
        0 to 1; NaN where there are fewer than two texts.
    """
    some = [text for text in texts if len(text)]
    if len(some) > size:
        chosen = np.sort(rng.choice(len(some), size, replace=False))
        some = [some[i] for i in chosen.tolist()]
    if len(some) < 2:
        return math.nan
    return float(np.mean(bleu_of_each(some)))


def bleu_of_each(texts: Sequence[Sequence[Hashable]]) -> list[float]:
    """The BLEU of each text with all others as references; see :func:`self_bleu`."""
    counts = [[_grams(text, n) for n in range(1, ORDER + 1)] for text in texts]
    most = [_two_largest([of_text[n] for of_text in counts]) for n in range(ORDER)]
    lengths = np.array([len(text) for text in texts])
    return [
        _bleu(counts[i], most, i, len(text), _nearest(lengths, i)) for i, text in enumerate(texts)
    ]


def _grams(text: Sequence[Hashable], n: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))


Largest = dict[tuple[Hashable, ...], tuple[int, int, int]]
"""By n-gram: the most that a text has, which text that is, and the most among the others."""


def _two_largest(counts: Sequence[Counter[tuple[Hashable, ...]]]) -> Largest:
    found: Largest = {}
    for i, counter in enumerate(counts):
        for gram, count in counter.items():
            first, owner, second = found.get(gram, (0, -1, 0))
            if count > first:
                found[gram] = count, i, first
            elif count > second:
                found[gram] = first, owner, count
    return found


def _bleu(
    counts: Sequence[Counter[tuple[Hashable, ...]]],
    most: Sequence[Largest],
    own: int,
    length: int,
    reference: int,
) -> float:
    logs = []
    for n, (counter, largest) in enumerate(zip(counts, most, strict=True)):
        total = counter.total()
        if not total:
            break
        matches = 0
        for gram, count in counter.items():
            first, owner, second = largest[gram]
            matches += min(count, second if owner == own else first)
        added = int(n > 0)
        if matches + added == 0:
            return 0.0
        logs.append(math.log((matches + added) / (total + added)))
    brevity = min(0.0, 1 - reference / length)
    return math.exp(brevity + sum(logs) / len(logs))


def _nearest(lengths: np.ndarray[tuple[int], np.dtype[np.int64]], own: int) -> int:
    """The reference length nearest to the text's, the shorter one of two."""
    others = np.delete(lengths, own)
    apart = np.abs(others - lengths[own])
    return int(others[apart == apart.min()].min())
