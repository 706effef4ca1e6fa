"""What a data set was taken for, in words: facts, classes with counts, doubts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gankit.kit.folders import natural_key
from gankit_audio.data.slicing import CLIPPED, CUT, OFFSET, PADDED

if TYPE_CHECKING:
    from gankit_audio.data.dataset import Clips, ClipSpec
    from gankit_audio.data.files import Header
    from gankit_audio.settings import AudioSettings

UNBALANCED = 50
"""The largest class has this many times as many clips as the smallest: a warning."""
SHOWN = 6
"""Rates, formats and the like that are listed one by one."""
MOST_UNLABELLED = 0.2
"""Share of clips without a class up to which they are left out, and the others' classes kept."""
_CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_BITS = {
    "PCM_S8": "8 bits", "PCM_U8": "8 bits", "PCM_16": "16 bits", "PCM_24": "24 bits",
    "PCM_32": "32 bits", "FLOAT": "32-bit float", "DOUBLE": "64-bit float", "ULAW": "µ-law",
    "ALAW": "A-law", "IMA_ADPCM": "IMA ADPCM", "MS_ADPCM": "MS ADPCM", "OPUS": "Opus",
    "VORBIS": "Vorbis", "MPEG_LAYER_III": "",
}  # fmt: skip


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("s" if number != 1 else "")


def in_all(seconds: Iterable[float]) -> str:
    """The sum of lengths, e.g. ``17 s`` or ``1.5 h``."""
    total = sum(seconds)
    return f"{total / 3600:.2g} h" if total >= 360 else f"{total:.3g} s"


def facts(
    headers: Sequence[Header], clips: Clips, spec: ClipSpec, counts: Mapping[str, int]
) -> dict[str, str]:
    """What the recordings are, and what was done with them."""
    seconds = sorted(header.seconds for header in headers)
    least, middle, most = (f"{seconds[i]:.3g}" for i in (0, len(seconds) // 2, -1))
    spread = f"{least} s each" if least == most else f"{least} to {most} s, median {middle} s"
    found = {
        "formats": _counted(Counter(_format(h) for h in headers if h.format), len(headers)),
        "rates": _rates(headers, spec.rate),
        "channels": _channels(headers, spec.channels),
        "lengths": f"{spread}; {in_all(seconds)} in all",
        "clips": "; ".join(
            [f"{count(len(clips), 'clip')} of {spec.size / spec.rate:g} s", *_done(counts, spec)]
        ),
    }
    repaired = sum(header.repaired for header in headers)
    if repaired:
        found["headers"] = f"{count(repaired, 'recording')} with wrong lengths in the header"
    return {name: text for name, text in found.items() if text}


def _format(header: Header) -> str:
    bits = _BITS.get(header.encoding, header.encoding)
    return f"{header.format}, {bits}" if bits else header.format


def _counted(counter: Counter[str], total: int) -> str:
    if not counter:
        return ""
    if len(counter) == 1 and sum(counter.values()) == total:
        return next(iter(counter))
    most = counter.most_common()
    listed = [f"{name} ({number:,})" for name, number in most[:SHOWN]]
    if more := sum(number for _, number in most[SHOWN:]):
        listed.append(f"others ({more:,})")
    return "; ".join(listed)


def _rates(headers: Sequence[Header], rate: int) -> str:
    found = _counted(Counter(f"{h.rate:,} Hz" for h in headers), len(headers))
    others = {h.rate for h in headers} - {rate}
    if not others:
        return found
    lost = f", without frequencies above {rate // 2:,} Hz" if max(others) > rate else ""
    return f"{found}; resampled to {rate:,} Hz{lost}"


def _channels(headers: Sequence[Header], channels: int) -> str:
    numbers = Counter(_CHANNELS.get(h.channels, f"{h.channels} channels") for h in headers)
    found = _counted(numbers, len(headers))
    if any(h.channels > channels for h in headers):
        found += f"; mixed down to {_CHANNELS[channels]}"
    if any(h.channels < channels for h in headers):
        found += "; mono is copied to both sides"
    return found


def _done(counts: Mapping[str, int], spec: ClipSpec) -> list[str]:
    done = []
    if cut := counts.get(CUT):
        done.append(f"{count(cut, 'longer recording')} cut")
    if padded := counts.get(PADDED):
        how = "with silence" if spec.settings.pad == "zero" else "by reflection"
        done.append(f"{count(padded, 'shorter one')} padded {how}")
    return done


# --- Classes ------------------------------------------------------------------------------------


def label_fact(labels: Sequence[str | None], origin: str) -> str:
    """How many classes there are, and where they come from."""
    classes = {label for label in labels if label is not None}
    if not classes:
        return "none"
    return f"{count(len(classes), 'class').replace('classs', 'classes')}, from {origin}"


def class_table(labels: Sequence[str | None]) -> list[dict[str, str]]:
    """Classes with their number of clips."""
    counts = Counter(label for label in labels if label is not None)
    return [
        {"class": label, "clips": f"{counts[label]:,}"} for label in sorted(counts, key=natural_key)
    ]


def strata(labels: Sequence[str | None]) -> list[str | None] | None:
    """The class of each clip; None without classes."""
    return [*labels] if any(label is not None for label in labels) else None


def without_class(labels: Sequence[str | None], settings: AudioSettings) -> list[bool] | None:
    """Which clips to leave out since they alone have no class; None to leave out none."""
    missing = sum(label is None for label in labels)
    wanted = settings.conditional == "auto" and settings.conditions == ("label",)
    if not wanted or not missing or missing > MOST_UNLABELLED * len(labels):
        return None
    return [label is None for label in labels]


# --- Doubts -------------------------------------------------------------------------------------


def doubts(
    labels: Sequence[str | None],
    hashes: Sequence[str],
    counts: Mapping[str, int],
    settings: AudioSettings,
) -> list[str]:
    """What a person should look at before training."""
    found = [*_class_doubts(labels, settings)]
    if twice := len(hashes) - len(set(hashes)):
        verb = "has" if twice == 1 else "have"
        found.append(
            f"{count(twice, 'recording')} {verb} the same content as another: remove duplicates, "
            "or copies of training data will be held out"
        )
    if (offset := counts.get(OFFSET)) and not settings.remove_dc:
        verb = "has" if offset == 1 else "have"
        found.append(f"{count(offset, 'recording')} {verb} a DC offset: remove_dc=true removes it")
    if clipped := counts.get(CLIPPED):
        verb = "is" if clipped == 1 else "are"
        found.append(
            f"{count(clipped, 'recording')} {verb} clipped at full scale: the generator learns "
            "the distortion; use cleaner ones if there are any"
        )
    return found


def _class_doubts(labels: Sequence[str | None], settings: AudioSettings) -> list[str]:
    counts = Counter(label for label in labels if label is not None)
    if not counts or settings.conditional is False:
        return []
    found = []
    if missing := sum(label is None for label in labels):
        found.append(
            f"{missing:,} of {count(len(labels), 'clip')} have no class, so that the run is "
            "unconditional: label them, remove them, or set conditional=false"
        )
    single = [label for label, number in counts.items() if number == 1]
    if single and len(counts) > 1:
        shown = ", ".join(sorted(single, key=natural_key)[:5])
        of = "class has" if len(single) == 1 else "classes have"
        found.append(
            f"{len(single):,} {of} one clip only ({shown}{', …' if len(single) > 5 else ''}): "
            "the generator will repeat it; add more, or remove it"
        )
    elif max(counts.values()) >= UNBALANCED * min(counts.values()):
        found.append(
            f"The classes are very unequal, with {min(counts.values()):,} to "
            f"{max(counts.values()):,} clips: small ones will be learned poorly"
        )
    return found
