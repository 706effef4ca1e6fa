"""What a run records while it trains: configuration, provenance, metrics, log, film."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from gankit.config import Config
from gankit.contract import Callback, Dataset
from gankit.errors import GankitError
from gankit.kit.files import write_atomic, write_json
from gankit.kit.pictures import film
from gankit.plugins.records import LoadedModality
from gankit.runs import provenance
from gankit.runs.codec_health import HEALTH
from gankit.runs.consent import Consent
from gankit.runs.directory import LOG, METRICS, read_metrics, read_record, write_config
from gankit.runs.guard import events_in
from gankit.system_errors import reason


class Recorder(Callback):
    """Writes configuration, provenance, metrics, log and film into a run directory.

    Args:
        device: the type of the device that trains.
        dataset: what was read.
        sizes: items to train on, and held out.
        described: what the codec inferred from the data.
        started_from: what the networks took from another run's weights.
        consent: of the people in the data.
    """

    def __init__(
        self,
        folder: Path,
        plugin: LoadedModality,
        config: Config,
        device: str,
        *,
        dataset: Dataset[Any],
        sizes: tuple[int, int],
        described: Sequence[Mapping[str, str]],
        started_from: Mapping[str, Any] | None = None,
        consent: Consent | None = None,
    ) -> None:
        self.folder, self.config = folder, config
        # A private run stores nothing that single items show.
        private = bool(config.engine.privacy.epsilon)
        issues = [{"location": i.location, "reason": i.reason} for i in dataset.issues]
        self.record: dict[str, Any] = {
            "software": provenance.software(),
            "versions": provenance.versions(plugin.distribution),
            "command": provenance.command_line(),
            "created": provenance.now(),
            "device": device,
            "seed": config.engine.train.seed,
            "data": {
                "source": config.as_table()["run"].get("data"),
                "description": dataset.description,
                "facts": dict(dataset.facts),
                "warnings": [] if private else [getattr(w, "stored", w) for w in dataset.warnings],
                "licence": dataset.licence,
                "fingerprint": dataset.fingerprint,
                "train": sizes[0],
                "heldout": sizes[1],
                "skipped": len(issues),
                "issues": [] if private else issues[:100],
                "described": [dict(row) for row in described],
            },
            **({"started_from": dict(started_from)} if started_from else {}),
            **(consent.record() if consent else {}),
        }

    def begin(self, samples: int, health: Sequence[Mapping[str, Any]] = ()) -> None:
        """Writes configuration and provenance, or checks them when resuming.

        Args:
            health: of the codec of a run that begins.

        Raises:
            GankitError: the data has changed since the run started, or the disk is not writable.
        """
        before = read_record(self.folder) if samples else {}
        if before:
            own = self.record["data"]["fingerprint"]
            if before.get("data", {}).get("fingerprint", own) != own:
                raise GankitError(
                    f"the data has changed since the run {self.folder} started",
                    "Restore it, or start a new run with another --out",
                )
            self.record = {**before, "resumed": [*before.get("resumed", []), provenance.now()]}
        elif health:
            self.record[HEALTH] = [dict(sign) for sign in health]
        try:
            write_config(self.folder, self.config)
            self._status("training")
            lines = read_metrics(self.folder) if samples else []
            kept = [json.dumps(line) + "\n" for line in lines if line["samples"] <= samples]
            write_atomic(self.folder / METRICS, "".join(kept).encode())
        except OSError as error:
            raise GankitError(
                f"cannot write {self.folder}: {reason(error)}",
                "Choose another --out, or free some space",
            ) from error
        self.say(f"{'resumed' if samples else 'started'} at {samples} samples")

    def tick(self, values: dict[str, Any]) -> None:
        with _appending(self.folder / METRICS) as file:
            file.write(f"{json.dumps(values)}\n".encode())
        for event in events_in(values):
            if event.is_good:  # others come as warnings
                self.say(event.in_words)

    def finished(self, status: str) -> None:
        previews = sorted((self.folder / "previews").glob("0*"))
        if status == "done" and len(previews) > 1:
            try:
                film(previews, self.folder / "previews" / "progress.gif")
            except (OSError, SyntaxError, ValueError) as error:  # a picture that is damaged
                self.warning(f"no film of the previews: {reason(error)}")
        self._status(status)  # last: what is killed before is finished by the same command
        self.say(status)

    def warning(self, message: str) -> None:
        self.say(message if message.startswith("warning: ") else f"warning: {message}")

    def say(self, line: str) -> None:
        text = f"{provenance.now()} {' '.join(line.splitlines())}\n"
        with _appending(self.folder / LOG) as file:
            whole = _ends_a_line(self.folder / LOG)
            file.write((text if whole else f"\n{text}").encode(errors="backslashreplace"))

    def _status(self, status: str) -> None:
        write_json(self.folder / provenance.RECORD, {**self.record, "status": status})


def _appending(file: Path) -> IO[bytes]:
    """A file to append to, unless it is a link: somebody else's run may name any file with it."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    nowhere_else = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.fdopen(os.open(file, flags | nowhere_else, 0o666), "ab")


def _ends_a_line(file: Path) -> bool:
    """Whether the file's last line is whole; a full disk leaves one that is not."""
    with file.open("rb") as opened:
        if not opened.seek(0, os.SEEK_END):
            return True
        opened.seek(-1, os.SEEK_END)
        return opened.read(1) == b"\n"
