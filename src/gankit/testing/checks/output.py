"""Checks of output: written files, renderings, previews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from gankit.api.samples import METHODS
from gankit.contract import (
    Converts,
    Rendering,
    Watermarks,
    quiet,
)
from gankit.contract.codec import conform
from gankit.errors import GankitError
from gankit.runs.provenance import RECORD
from gankit.testing.checks.base import expect
from gankit.testing.checks.shared import as_rows
from gankit.testing.subject import CheckFailed, NotApplicable, Subject

MARKS = ("generated", "synthetic", "digitalsourcetype")
"""Words that mark a file's content as synthetic."""


def write_read(s: Subject) -> None:
    """Written files can be read again, in every format."""
    samples = list(s.run.stream(24))
    written = as_rows(s, [sample.item for sample in samples])
    for format in s.modality.formats:
        folder, record = s.write(samples, format)
        n, fix = record["count"], "Write every sample of the stream"
        expect(n == len(samples), f"{format}: {n} of {len(samples)} samples are written", fix)
        items = _read_written(s, folder, format)
        n, fix = len(items), "Write one entry per sample; make read skip seeds and marks"
        expect(n == len(samples), f"{format}: {len(samples)} samples are read back as {n}", fix)
        lost = torch.cdist(written, as_rows(s, items)).amin(1).max()
        what = f"{format}: writing moves a sample by {lost:.3g}"
        expect(lost <= s.allowed, what, "Keep range and condition")


def bad_items(s: Subject) -> None:
    """A damaged file or row is reported, not skipped silently."""
    folder, _ = s.write(list(s.run.stream(24)), s.modality.formats[0])
    files = [p for p in sorted(folder.rglob("*")) if p.suffix in s.info.suffixes]
    if not files:
        raise NotApplicable(f"{s.modality.formats[0]} writes no file that read recognises")
    file, junk = files[0], b"\0junk\xff\n"
    whole = file.read_bytes()
    text = b"\0" not in whole and len(files) == 1  # one file of rows, or one file per item
    file.write_bytes(whole.rstrip(b"\n") + b"\n" + junk if text else junk)
    fix = f"Return Issue(location, reason) with {file.name} in location, or raise GankitError"
    try:
        issues = s.modality.read(str(folder), s.settings, quiet).issues
    except GankitError as error:
        expect(file.name in str(error), f"the message does not name {file.name}: {error}", fix)
    except Exception as error:  # noqa: BLE001 - any other is wrong
        raise CheckFailed(f"damage raises {type(error).__name__}: {error}", fix) from None
    else:
        named = any(file.name in issue.location for issue in issues)
        expect(named, f"damage in {file.name} is skipped silently", fix)


def confinement(s: Subject) -> None:
    """Nothing is written outside the folder that the plugin is given."""
    # Every check runs confined; this one repeats all that may write, from the start.
    samples = list(s.run.stream(4))
    found = s.modality.read(s.source, s.settings, quiet)
    codec = s.fit(found.items)
    s.modality.build_networks(codec, s.settings)
    s.modality.preview(s.items(4), codec, found.items)
    s.modality.render(samples[0].item, codec)
    for format in s.modality.formats:
        s.write(samples, format)


def provenance(s: Subject) -> None:
    """Generated files carry a mark that they are synthetic, and can be signed."""
    folder, record = s.write(list(s.run.stream(24)), s.modality.formats[0])
    for warning in record.get("warnings", ()):
        fix = "Write files that are what their endings say"
        expect("no content credentials" not in warning, warning, fix)
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != RECORD]
    expect(files, "write leaves no file", "Write below target")
    marked = any(mark.encode() in p.read_bytes().lower() for p in files for mark in MARKS)
    fix = "Write provenance.text() into the files' metadata, or a column that marks the rows"
    expect(marked, "no written file is marked as synthetic", fix)


def render(s: Subject) -> None:
    """One item, real or generated, renders to a file's content."""
    for what, item in (("a real", s.items(1)[0]), ("a generated", s.run.sample(1)[0])):
        _expect_rendering(f"render of {what} item", s.modality.render(item, s.codec))


def preview(s: Subject) -> None:
    """A preview of a few items, with and without real ones, renders to a file's content."""
    for n in (1, 4):
        _expect_rendering(f"preview of {n}", s.modality.preview(s.items(n), s.codec))
    real = s.modality.read(s.source, s.settings, quiet).items
    shown = s.modality.preview(s.items(4), s.codec, real)
    _expect_rendering("preview with real items", shown)


def conversions(s: Subject) -> None:
    """Items, real and generated, become whatever the modality offers, one for one."""
    if not isinstance(s.modality, Converts):
        raise NotApplicable("the modality converts its items to nothing")
    for to in s.modality.conversions:
        expect(to in METHODS, f"there is no conversion {to!r}", f"Use {', '.join(METHODS)}")
        for what, items in (("real", s.items(3)), ("generated", list(s.run.sample(3)))):
            n = len(s.modality.convert(items, to, s.codec))
            expect(n == 3, f"3 {what} items become {n} as {to}", "Convert each item")


def watermark(s: Subject) -> None:
    """A watermark is the same each time, and files of any content can be searched for it."""
    if not isinstance(s.modality, Watermarks):
        raise NotApplicable("the modality has no watermark")
    key, (item,) = b"a key of the checks", list(s.run.sample(1))
    try:
        marked = [s.modality.watermark(item, key) for _ in range(2)]
    except GankitError:
        marked = []  # such as for being too small
    if marked:
        one, two = (s.modality.render(each, s.codec).content for each in marked)
        expect(one == two, "two marks by one key differ", "Draw the mark from the key alone")
    for content in (b"", b"\0junk\xff"):
        found = s.modality.find_watermark(content, key)
        expect(found is None, f"find_watermark({content!r}) is {found}", "Return None")


def _expect_rendering(what: str, shown: object) -> None:
    fix = 'Return Rendering("image/png", content)'
    expect(isinstance(shown, Rendering), f"{what} is {type(shown).__name__}", fix)
    assert isinstance(shown, Rendering)
    expect("/" in shown.media_type, f"{what} has the media type {shown.media_type!r}", fix)
    expect(shown.content, f"{what} has no content", "Return the file's bytes")


def _read_written(s: Subject, folder: Path, format: str) -> list[Any]:
    try:
        found = s.modality.read(str(folder), s.settings, quiet).items
    except GankitError as error:
        fix = "Make read accept a folder that write made: `gankit evaluate FOLDER` needs it"
        raise CheckFailed(f"{format} cannot be read again: {error}", fix) from None
    try:
        found = conform(s.codec, found).items
    except GankitError as error:
        fix = "Make Codec.conform accept what write made"
        raise CheckFailed(f"{format} does not conform when it is read: {error}", fix) from None
    return [found[i] for i in range(len(found))]
