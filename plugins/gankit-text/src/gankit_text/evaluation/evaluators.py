"""Scores of texts: likeness, variety, memorisation, labels and simple statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from gankit.contract import Codec, EvaluationData, Evaluator, Extractor
from gankit_text.data.items import Text
from gankit_text.evaluation.base import Scores, TextEvaluator, TextSet, training_texts
from gankit_text.evaluation.grams import Grams, longest_spans, share_unseen
from gankit_text.evaluation.labels import Labels
from gankit_text.evaluation.quality import Quality
from gankit_text.evaluation.self_bleu import self_bleu
from gankit_text.evaluation.wordllama import WordLlama
from gankit_text.evaluation.words import Vocabulary, words_of
from gankit_text.settings import TextSettings

REFERENCES = 200
"""References of each text in self-BLEU; fewer where fewer texts are scored."""
NOVEL = 4
"""Words of the n-grams whose novelty is scored."""
REPEATED, COPIED = 0.1, 0.02
"""Shares of texts above those of real data from which on a warning is shown."""
MAX_SHARED = 20_000
"""Training texts in which copied passages are looked for; whole copies are looked for in all."""


def evaluators(
    codec: Codec[Text] | None, settings: TextSettings
) -> Sequence[Extractor[Text] | Evaluator[Text]]:
    """All of them; the embeddings first, which the verdict at the end of training uses."""
    return [WordLlama(), Quality(settings), Variety(), Copying(), Labels(), Statistics()]


class Variety(TextEvaluator):
    """How different the texts of a set are from each other.

    - ``self_bleu``: mean BLEU-4 of a text with 200 others of the set as references; near 1 where
      all are alike, below the real baseline where they have little in common.
    - ``unique``: share of different texts.
    """

    name = "variety"
    headline = ("unique",)
    lower_is_better: Mapping[str, bool] = {"unique": False}
    meanings: Mapping[str, str] = {
        "self_bleu": "likeness of the texts among each other, by BLEU-4 with the others as "
        "references: ideal at the real baseline, 1 if all are alike",
        "unique": "share of different texts",
    }

    def scores(
        self,
        generated: TextSet,
        heldout: TextSet,
        data: EvaluationData[Text],
        rng: np.random.Generator,
    ) -> Scores:
        size, seed = min(REFERENCES + 1, len(generated)), int(rng.integers(2**31))
        return {
            "self_bleu": self_bleu(generated.words, size, np.random.default_rng(seed)),
            "self_bleu_real": self_bleu(heldout.words, size, np.random.default_rng(seed)),
            "unique": _unique(generated.texts),
            "unique_real": _unique(heldout.texts),
        }

    def warnings(self, data: EvaluationData[Text]) -> Sequence[str]:
        texts = TextSet([sample.item for sample in data.generated]).texts
        found = []
        if empty := sum(not text.strip() for text in texts):
            found.append(f"{empty:,} of {len(texts):,} generated texts are empty: train longer")
        repeats = 1 - _unique(texts)
        real = 1 - _unique(TextSet(data.heldout[: len(texts)]).texts)
        if repeats > real + REPEATED:
            found.append(
                f"{repeats:.0%} of generated texts repeat another one, {real:.0%} of real ones: "
                "the generator has collapsed to a few, train it longer or on more data"
            )
        return found


def _unique(texts: Sequence[str]) -> float:
    return len(set(texts)) / max(len(texts), 1)


class Copying(TextEvaluator):
    """What is taken from the training texts; each beside what held-out texts share with them.

    - ``copied_texts``: share of texts that are training texts, letter for letter.
    - ``copied_span``: the longest passage that also stands in one training text, as a share of the
      text's words; mean over texts.
    - ``new_4grams``: share of sequences of four words that no training text has.
    """

    name = "copying"
    headline = ("copied_texts",)
    lower_is_better: Mapping[str, bool] = {"copied_texts": True, "copied_span": True}
    meanings: Mapping[str, str] = {
        "copied_texts": "share of texts that are training texts, letter for letter",
        "copied_span": "longest passage that a training text has, as a share of the text's words: "
        "far above the real baseline is copying",
        "new_4grams": "share of sequences of four words that no training text has: ideal at the "
        "real baseline, near 0 is copying, above it is often nonsense",
    }

    def scores(
        self,
        generated: TextSet,
        heldout: TextSet,
        data: EvaluationData[Text],
        rng: np.random.Generator,
    ) -> Scores:
        train = training_texts(data, rng)
        vocabulary, whole = Vocabulary(), set(train)
        rows = [vocabulary.ids(words_of(text)) for text in train[:MAX_SHARED]]
        both = [[vocabulary.ids(words) for words in part.words] for part in (generated, heldout)]
        grams, found = Grams(rows, len(vocabulary)), Scores()
        for part, these, ending in zip((generated, heldout), both, ("", "_real"), strict=True):
            lengths = np.array([len(row) for row in these])
            spans = longest_spans(grams, these)
            present = lengths > 0
            shares = spans[present] / lengths[present]
            copied = np.array([text in whole for text in part.texts])
            found[f"copied_texts{ending}"] = float(copied.mean())
            found[f"copied_span{ending}"] = float(shares.mean()) if len(shares) else np.nan
            found[f"new_4grams{ending}"] = share_unseen(grams, these, NOVEL)
        return found

    def warnings(self, data: EvaluationData[Text]) -> Sequence[str]:
        train = set(TextSet(list(data.train)).texts)
        made = TextSet([sample.item for sample in data.generated]).texts
        copied = sum(text in train for text in made) / max(len(made), 1)
        real = sum(t in train for t in TextSet(list(data.heldout)).texts) / max(
            len(data.heldout), 1
        )
        if copied <= real + COPIED:
            return ()
        return [
            f"{copied:.0%} of generated texts are training texts, letter for letter, where "
            f"{real:.0%} of held-out ones are: leave them out, or train on more data"
        ]


class Statistics(TextEvaluator):
    """How lengths and characters are distributed.

    - ``length_distance``: Kolmogorov-Smirnov distance of the lengths in words to training texts'.
    - ``character_distance``: total variation distance of the frequencies of characters.
    """

    name = "statistics"
    lower_is_better: Mapping[str, bool] = {"length_distance": True, "character_distance": True}
    meanings: Mapping[str, str] = {
        "length_distance": "distance of the distributions of lengths in words: 0 is equal",
        "character_distance": "distance of the frequencies of characters: 0 is equal",
    }

    def scores(
        self,
        generated: TextSet,
        heldout: TextSet,
        data: EvaluationData[Text],
        rng: np.random.Generator,
    ) -> Scores:
        train = training_texts(data, rng)[:MAX_SHARED]
        lengths = np.array([len(words_of(text)) for text in train])
        characters = Counter("".join(train))
        found = Scores()
        for part, ending in ((generated, ""), (heldout, "_real")):
            own = np.array([len(words) for words in part.words])
            found[f"length_distance{ending}"] = ks_distance(lengths, own)
            found[f"character_distance{ending}"] = total_variation(
                characters, Counter("".join(part.texts))
            )
        return found


def ks_distance(
    first: np.ndarray[tuple[int], np.dtype[np.int64]],
    second: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> float:
    """The largest difference of two empirical distribution functions."""
    points = np.union1d(first, second)
    ranks = [np.searchsorted(np.sort(x), points, side="right") / len(x) for x in (first, second)]
    return float(np.abs(ranks[0] - ranks[1]).max())


def total_variation(first: Counter[str], second: Counter[str]) -> float:
    """Half the summed difference of two frequency distributions; 1 where one is empty."""
    totals = first.total(), second.total()
    if not all(totals):
        return 1.0
    every = first.keys() | second.keys()
    return sum(abs(first[c] / totals[0] - second[c] / totals[1]) for c in every) / 2
