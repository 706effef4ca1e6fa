"""What a run states of the people in its data, and of their consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gankit.config import Config
from gankit.config.consent import EXAMPLE, cleaned
from gankit.kit.files import read_json, write_json
from gankit.runs.directory import read_record, write_config
from gankit.runs.model import MODEL
from gankit.runs.provenance import RECORD

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Consent:
    """Of the people in a data set."""

    people: str = ""
    """Why the data are taken to show people; empty where nothing suggests it."""
    text: str = ""
    """What covers them, in the user's words; empty where that is not stated."""

    @classmethod
    def of(cls, config: Config, people: str) -> Consent:
        """What a configuration states.

        Args:
            people: what the plugin found.
        """
        given = config.engine.data
        people = {"yes": "data.people=yes", "no": ""}.get(given.people, people)
        return cls(people, cleaned(given.consent) if given.consent else "")

    def into(self, config: Config) -> Config:
        """The configuration with the text, as ``run.toml`` states it."""
        data = replace(config.engine.data, consent=self.text)
        return replace(config, engine=replace(config.engine, data=data))

    @property
    def is_missing(self) -> bool:
        return bool(self.people) and not self.text

    @property
    def warnings(self) -> list[str]:
        """One where consent is missing."""
        if not self.is_missing:
            return []
        return [
            f"the data may be of people ({self.people}), and no consent is stated. State what "
            f"covers them, now or when you resume: {EXAMPLE}; or data.people=no if they are not"
        ]

    def record(self) -> dict[str, str]:
        """For the records of the run, its model and what it generates."""
        people = {"people": self.people} if self.people else {}
        stated = {"consent": self.text or NOT_STATED} if people or self.text else {}
        return people | stated


RESTATED = (
    "what is stated of the people in the data and of their consent was replaced; the earlier text "
    "stays in provenance.json"
)


def consent_in(record: Mapping[str, Any]) -> dict[str, str]:
    """What a record states of it."""
    return {key: record[key] for key in ("people", "consent") if key in record}


def restate(folder: Path, config: Config, consent: Consent) -> bool:
    """Brings the files of an existing run up to date, where it is resumed with another text. What
    was stated before stays in its record.

    Returns:
        Whether the text is another one.
    """
    now, record = consent.record(), read_record(folder)
    if not record or consent_in(record) == now:
        return False
    before = [*record.get("consent_before", ()), *filter(None, [record.get("consent")])]
    write_json(folder / RECORD, _without(record) | now | {"consent_before": before})
    write_config(folder, consent.into(config))
    if (model := folder / "model" / MODEL).is_file():
        write_json(model, _without(read_json(model)) | now)
    return True


def _without(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in consent_in(record)}
