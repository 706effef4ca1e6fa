"""Whether data seem to be of people, by their names: words in paths, labels and columns.

Names are hints. They miss people in files that are called ``0001.png``, and take the face of a
clock for one; nothing looks at the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FACES = _set(
    "face person people human portrait selfie headshot mugshot pedestrian celeb celebrity woman "
    "women men girl boy children celeba celebahq ffhq lfw vggface utkface umdface webface fairface "
    "adience affectnet ferplus gender"
)
"""Words for pictures of people, and data sets of faces; without plural."""
VOICES = _set(
    "speaker spk spkr voice speech spoken talker utterance vocal singer podcast interview male "
    "female woman women men girl boy children librispeech libritts ljspeech vctk timit voxceleb "
    "voxforge commonvoice audiomnist fsdd ravdess crema savee emodb gender"
)
"""Words for recordings of people, and data sets of speech."""
_GIVEN = _set(
    "adam ahmed alexander alice ali amanda amina ana andrea andrew anna anne anthony antonio ben "
    "benjamin brian carlos carmen caroline catherine charles charlotte chen chris christian clara "
    "claire daniel david diana edward elena elizabeth ella emily emma eric eva fatima felix "
    "fernando francesco frank gabriel george hannah hans helen henry hugo ibrahim ines isabella "
    "ivan jack jackson jacob james jan jane jennifer jessica joao john jonas jorge jose joseph "
    "juan julia julie kate kevin laura lea leo leon liam linda lisa louis luca lucas lucy luis "
    "luke maria marie mario martin mary mateo matthew max michael miguel mohamed muhammad nathan "
    "nicolas nicole nina noah olivia omar oscar pablo patricia paul pedro peter philip pierre "
    "rachel raj robert rosa samuel sara sarah sofia sophia sophie stephen susan thomas theo tim "
    "tom victor wei william yuki yusuf"
)
"""Frequent given names that are hardly words of another kind."""

LOOKED_AT = 5_000
"""Names, evenly spaced, of which words are counted."""
SHARE = 0.05
"""Of names that have a word, from which on it says something of the data."""
NAMED = 0.5
"""Share of names with a given name, from which on these are people's."""


def people_in(
    words: frozenset[str],
    *,
    path: str = "",
    names: Sequence[str] = (),
    labels: Iterable[str | None] = (),
    columns: Iterable[str] = (),
) -> str:
    """Why the data seem to be of people, as one clause; empty where nothing suggests it. It quotes
    words of these lists only, never a name that is in the data.

    Args:
        words: :data:`FACES` or :data:`VOICES`.
        path: where the data are; its last two parts count.
        names: of files, with their folders inside the data.
        labels: classes; None for items without one.
        columns: of tables beside the files.
    """
    last = re.split(r"[\\/]+", path.rstrip("\\/"))[-2:]
    distinct = {label for label in labels if label is not None}
    for what, texts in (("path", last), ("labels", distinct), ("columns", columns)):
        if found := words & _all_words(texts):
            verb = "has" if what == "path" else "have"
            return f'the {what} {verb} the word "{min(found)}"'
    some = [_words(name) for name in names[:: max(1, len(names) // LOOKED_AT)]]
    counts = {word: sum(word in one for one in some) for word in words}
    most = max(counts, key=lambda word: (counts[word], word))
    if counts[most] > SHARE * len(some):
        return f'the file names have the word "{most}"'
    for what, each in (("file names have", some), ("labels are", [*map(_words, distinct)])):
        given = [one & _GIVEN for one in each]
        if len(set[str]().union(*given)) > 1 and sum(map(bool, given)) > NAMED * len(given):
            return f"the {what} people's given names"
    return ""


def _all_words(texts: Iterable[str]) -> set[str]:
    return set(chain.from_iterable(map(_words, texts)))


def _words(text: str) -> set[str]:
    """The words of a name in lower case, as they stand and at changes of case, without plural:
    ``VoxCeleb2_speakers`` has voxceleb, vox, celeb and speaker."""
    parts = re.findall(r"[A-Za-z]+", text)
    parts += [inner for part in parts for inner in re.findall(r"[A-Z]*[a-z]+|[A-Z]+", part)]
    lower = {part.lower() for part in parts}
    return lower | {word.removesuffix("s") for word in lower}
