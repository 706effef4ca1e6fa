"""How a run was made, as labels and lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gankit.runs.consent import consent_in
from gankit.runs.directory import Run
from gankit.runs.started import in_words as started_in_words


def provenance(run: Run) -> list[tuple[str, str]]:
    """Data, software, seed, device, time: what one needs to make the run again."""
    record, last = run.record, (run.metrics() or [{}])[-1]
    return [
        (label, text)
        for label, text in (
            *_data(record.get("data", {}), bool(run.privacy)),
            ("Recipe", str(run.table["run"]["recipe"])),
            ("Samples seen", f"{last['samples']:,}" if "samples" in last else ""),
            ("Weights", _weights(run)),
            ("Training time", f"{last['seconds']:,.0f} s" if "seconds" in last else ""),
            ("Device", str(record.get("device", ""))),
            ("Seed", str(record.get("seed", ""))),
            ("Software", _software(record)),
            ("Started", str(record.get("created", ""))),
            ("Status", str(record.get("status", ""))),
            *((k.capitalize(), v) for k, v in started_in_words(record.get("started_from")).items()),
            ("Consent", consent_of(record)),
        )
        if text
    ]


def _weights(run: Run) -> str:
    """Which weights generate uses, where they are not the latest."""
    if not run.has_model or not (used := run.generator_weights).differ:
        return ""
    return f"of {used.best:,} samples, the best by held-out distance"


def consent_of(record: Mapping[str, Any]) -> str:
    """What the user stated about the consent of people in the data; empty where nothing suggests
    that there are any."""
    found = consent_in(record)
    why = f" (people in the data: {found['people']})" if found.get("people") else ""
    return f"{found['consent']}{why}" if found.get("consent") else ""


def _data(data: Mapping[str, Any], private: bool) -> Iterator[tuple[str, str]]:
    yield "Data", str(data.get("description", ""))
    yield (
        "Items",
        f"{data.get('train', 0):,} to train on, {data.get('heldout', 0):,} held out, "
        f"{data.get('skipped', 0):,} skipped",
    )
    yield "Licence of the data", str(data.get("licence") or "not stated")
    if not private:  # a hash would confirm a guess at one record
        yield "Fingerprint of the data", str(data.get("fingerprint", ""))


def _software(record: Mapping[str, Any]) -> str:
    versions = record.get("versions", {})
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return listed or str(record.get("software", ""))
