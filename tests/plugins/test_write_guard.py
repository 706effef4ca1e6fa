"""A plugin writes in the folder that it is given only; everything else works as before."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from gankit.errors import PluginError
from gankit.plugins.write_guard import confined


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder inside, one outside, and temporary files elsewhere."""
    inside, outside, temporary = (tmp_path / name for name in ("inside", "outside", "temporary"))
    for place in (inside, outside, temporary):
        place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (outside / "old.txt").write_text("old")
    return inside, outside


ATTEMPTS = {
    "write": lambda place: (place / "new.txt").write_text("x"),
    "append": lambda place: (place / "old.txt").open("a").close(),
    "update": lambda place: (place / "old.txt").open("r+").close(),
    "low level": lambda place: os.close(os.open(place / "new.txt", os.O_WRONLY | os.O_CREAT)),
    "mkdir": lambda place: (place / "new").mkdir(),
    "remove": lambda place: (place / "old.txt").unlink(),
    "rename": lambda place: (place / "old.txt").rename(place / "new.txt"),
    "rmtree": lambda place: shutil.rmtree(place),
    "symlink": lambda place: (place / "link").symlink_to("/"),
    "truncate": lambda place: os.truncate(place / "old.txt", 0),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_outside_is_refused_and_nothing_is_changed(places, attempt):
    inside, outside = places
    message = rf"plugin p: it tried to write {outside}.*, outside"
    with pytest.raises(PluginError, match=message), confined("p", inside):
        ATTEMPTS[attempt](outside)
    assert [p.name for p in outside.iterdir()] == ["old.txt"]
    assert (outside / "old.txt").read_text() == "old"


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_inside_is_free(places, attempt):
    inside, _ = places
    (inside / "old.txt").write_text("old")
    with confined("p", inside):
        ATTEMPTS[attempt](inside)


def test_reading_temporary_files_and_other_threads_are_free(places):
    inside, outside = places
    with confined("p", inside):
        assert (outside / "old.txt").read_text() == "old"
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "x").touch()
        thread = threading.Thread(target=(outside / "logged.txt").touch)
        thread.start()
        thread.join()
    assert (outside / "logged.txt").is_file()


def test_a_way_round_by_dots_or_links_is_refused(places):
    inside, outside = places
    (inside / "link").symlink_to(outside)
    for path in (inside / ".." / "outside" / "a", inside / "link" / "a"):
        with pytest.raises(PluginError), confined("p", inside):
            path.touch()


def test_a_refusal_that_is_swallowed_is_raised_at_the_end(places):
    inside, outside = places

    def swallow() -> None:
        with confined("p", inside), contextlib.suppress(Exception):
            (outside / "a").touch()

    with pytest.raises(PluginError):
        swallow()
    (outside / "a").touch()  # afterwards all is free


def test_confinements_nest(places):
    inside, outside = places
    with confined("p", inside):
        with confined("q", outside):
            (outside / "a").touch()
        (inside / "b").touch()
    with confined("p", inside), pytest.raises(PluginError, match="q"), confined("q", outside):
        (inside / "a").touch()
    with pytest.raises(PluginError, match="plugin p"), confined("p", inside):
        (outside / "d").touch()
