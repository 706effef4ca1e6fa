"""A full disk at each place that writes: one line, the earlier files as they were, and the same
command goes on when there is space again."""

from __future__ import annotations

import shutil

import pytest
from faults import DATED, SMALL, command, outcome, said

FULL = """
import gankit.runs.recorder, gankit.runs.export, gankit.engine.checkpoint, gankit.kit.files
full = lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
calls = 0
def after(count, given, wrong):
    def called(*arguments, **named):
        global calls
        calls += 1
        return (given if calls <= count else wrong)(*arguments, **named)
    return called
class Cut:
    '''A file of which the disk takes ten bytes more.'''
    def __init__(self, opened):
        self.opened = opened
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.opened.close()
    def write(self, text):
        self.opened.write(text[:10])
        self.opened.flush()
        full()
appending, save_file = gankit.runs.recorder._appending, gankit.engine.checkpoint.save_file
def save_half(tensors, path):
    path.write_bytes(b'half')
    full()
"""
WHERE = {
    "a line of metrics": "gankit.runs.recorder._appending = "
    "after(3, appending, lambda file: Cut(appending(file)))",
    "a checkpoint": "gankit.engine.checkpoint.save_file = after(2, save_file, save_half)",
    "the model": "export = gankit.runs.export.write_atomic\n"
    "gankit.runs.export.write_atomic = after(4, export, full)",
    "the density ratio": "import gankit.engine.sampling.fit_progress as progress\n"
    "progress.save_checkpoint = full",
    "a preview": "import gankit.workflows.prepare as prepare\nprepare.write_atomic = full",
}


@pytest.fixture(scope="module")
def whole(preforked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert preforked(command(SMALL), folder, **DATED).returncode == 0
    return folder / "run"


@pytest.mark.parametrize("where", WHERE)
def test_training(preforked, whole, tmp_path, where):
    done = preforked(command(SMALL, f"{FULL}\n{WHERE[where]}"), tmp_path, **DATED)
    assert done.returncode == 2, done.stderr
    assert said(done).startswith("error: cannot write ")
    assert "No space left on device" in said(done)
    assert "Earlier checkpoints are kept: free some space and run the same" in said(done)
    assert "Traceback" not in done.stderr
    assert not [*tmp_path.rglob("*.partial")]
    again = preforked(command(SMALL), tmp_path, **DATED)
    assert again.returncode == 0, again.stderr
    assert outcome(tmp_path / "run") == outcome(whole)


@pytest.mark.parametrize("out", ["made", "made.csv", "made.zip"])
def test_generation(preforked, whole, tmp_path, out):
    shutil.copytree(whole, tmp_path / "run")
    words = ["generate", "run", "-n", "400", "--out", out]
    assert preforked(command(words), tmp_path, **DATED).returncode == 0
    before = {p: p.read_bytes() for p in tmp_path.glob("made*/**/*") if p.is_file()}
    before |= {p: p.read_bytes() for p in tmp_path.glob("made*") if p.is_file()}
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    done = preforked(command([*words, "--overwrite"], limit), tmp_path, **DATED)
    assert done.returncode == 2, done.stderr
    assert said(done).startswith("error: cannot write ")
    assert {p: p.read_bytes() for p in before} == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
