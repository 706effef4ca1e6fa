"""Signing an output: manifests into its files, and a signature into its record."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gankit.contract import Progress, Provenance, quiet
from gankit.errors import GankitError
from gankit.provenance import record as records
from gankit.provenance.content_credentials import MEDIA_TYPES, ManifestWriter, available
from gankit.provenance.keys import NoPlaceForKeyError, Signer, signer

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""The IPTC digital source type of pictures that show real items beside generated ones."""
METADATA = "metadata.jsonl"
"""Rows about files, of which some may be real."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seal:
    """What signs one output; nothing where there is no signer."""

    signer: Signer | None = None

    def files(
        self,
        folder: Path,
        statement: Provenance,
        *,
        some_real: bool = False,
        in_archives: bool = False,
        composites: Container[str] = (),
        progress: Progress = quiet,
    ) -> list[str]:
        """Writes manifests into the generated files below a folder.

        Args:
            some_real: whether real items are among them, which are left as they are: only files
                that ``metadata.jsonl`` calls generated are signed then.
            in_archives: whether members of zip archives are signed, too.
            composites: names of files that show real items beside generated ones.

        Returns:
            A warning where files could not be signed, which stay as they are.
        """
        if self.signer is None or self.signer.records_only or not available():
            return []
        writer = ManifestWriter(self.signer, statement)
        mixed = ManifestWriter(self.signer, replace(statement, source_type=COMPOSITE))
        generated = _only(_generated(folder / METADATA)) if some_real else _every
        failed: list[GankitError] = []
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        for i, file in enumerate(files):
            name = file.relative_to(folder).as_posix()
            progress("signing", i, len(files))
            try:
                if file.suffix.lower() in MEDIA_TYPES and generated(name):
                    (mixed if name in composites else writer).sign(file)
                elif in_archives and file.suffix.lower() == ".zip":
                    writer.sign_members(file, _only(_in_archive(file)) if some_real else _every)
            except GankitError as error:
                failed.append(error)
        if not failed:
            return []
        count = "1 file has" if len(failed) == 1 else f"{len(failed):,} files have"
        return [f"{count} no content credentials: {failed[0].message}"]

    def file(self, file: Path, statement: Provenance) -> None:
        """Writes a manifest into a file whose format has one."""
        if self.signer is None or self.signer.records_only or not available():
            return
        if file.suffix.lower() in MEDIA_TYPES:
            ManifestWriter(self.signer, statement).sign(file)

    def record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record with its signature."""
        return records.signed(record, self.signer)


def seal() -> Seal:
    """What signs output that is written now. Says where a key was made for it, or none could be.

    Raises:
        GankitError: the key that the environment names cannot be used, or the user's own one.
    """
    try:
        found = signer()
    except NoPlaceForKeyError as error:
        _log.warning("not signed: %s", error)
        return Seal()
    if found is not None and found.made:
        _log.warning(
            "outputs are signed with a new key, %s. Its certificate is self-signed: other programs "
            "show the signer as unknown. `gankit provenance --help` has more",
            found.path,
        )
    return Seal(found)


def _every(name: str) -> bool:
    return True


def _only(names: set[str]) -> Callable[[str], bool]:
    return names.__contains__


def _generated(metadata: Path) -> set[str]:
    if not metadata.is_file():
        return set()
    with metadata.open(encoding="utf-8") as lines:
        return _generated_rows(lines)


def _in_archive(archive: Path) -> set[str]:
    import zipfile

    with zipfile.ZipFile(archive) as packed:
        if METADATA not in packed.namelist():
            return set()
        return _generated_rows(packed.read(METADATA).decode().splitlines())


def _generated_rows(lines: Iterable[str]) -> set[str]:
    rows = (json.loads(line) for line in lines if line.strip())
    return {str(row.get("file_name")) for row in rows if row.get("generated") is True}
