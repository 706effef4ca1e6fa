"""Runs commands one after another, each in a fork of a process that has torch, its compiler and the
plugins' libraries imported already, and the plugins and their settings looked up: a process of its
own, without seconds of start-up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

PARENT = """
import contextlib, importlib, json, mimetypes, os, pkgutil, sys
import torch._dynamo, sklearn.svm, sklearn.datasets, pydantic, rich.live, PIL.Image, jinja2
import gankit.cli
with contextlib.suppress(ImportError):
    import torch.utils.tensorboard
plugins = [m.name for m in pkgutil.iter_modules() if m.name.startswith("gankit_")]
parts = [f"gankit.{part}" for part in "api config engine kit metrics report runs workflows".split()]
for name in (*parts, *plugins):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        with contextlib.suppress(ImportError):
            importlib.import_module(module.name)

from gankit import config
from gankit.plugins.registry import installed
mimetypes.init()
for plugin, info in installed().infos().items():
    config.resolve(info, installed().modality(plugin).modality.Settings)
DECIDES = [f"GANKIT_{x}" for x in ("PLUGINS", "PLUGIN_TIMEOUT", "STRICT_PLUGINS", "HOME")]
DECIDES.append("PYTHONPATH")  # which plugins there are
before = {name: os.environ.get(name) for name in DECIDES}
torch.set_num_threads(1)
for line in sys.stdin:
    words, folder, places, environment = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(environment)
        if {name: os.environ.get(name) for name in DECIDES} != before:
            installed.cache_clear()
        added = environment.get("PYTHONPATH")
        sys.path[1:1] = added.split(os.pathsep) if added else []
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, place in enumerate(places, 1):
            os.dup2(os.open(place, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
        torch.set_num_threads(1)  # renews the pool that a fork spoils, before threads race to do so
        code = 1
        try:
            if words[0] == "gankit":
                sys.argv = words
                gankit.cli.main()
            else:
                exec(compile(words[1], words[0], "exec"), {"__name__": "__main__"})
            code = 0
        except SystemExit as exit:
            code = exit.code or 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Preforked:
    """The process that forks. Its environment is this one's when it is made."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._aside = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "COLUMNS": "200"},
        )

    def __call__(
        self, words: list[str], folder: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``["gankit", …]`` or ``["<file name>", "<code>"]`` in a folder.

        Args:
            environment: what is set besides; of those that Python reads when it starts, PYTHONPATH
                alone.
        """
        given: IO[str] = self._process.stdin  # type: ignore[assignment]
        codes: IO[str] = self._process.stdout  # type: ignore[assignment]
        places = [Path(self._aside.name) / name for name in ("stdout", "stderr")]
        given.write(json.dumps([words, str(folder), [*map(str, places)], environment]) + "\n")
        given.flush()
        code = int(codes.readline())
        out, err = (place.read_text(encoding="utf-8") for place in places)
        return subprocess.CompletedProcess(words, code, out, err)

    def close(self) -> None:
        with self._process:
            self._process.stdin.close()  # type: ignore[union-attr]
        self._aside.cleanup()
