"""Words that people try, from other tools: synonyms where the meaning is exactly one, otherwise the
right word as an answer. :mod:`gankit.config.aliases` has those of settings.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gankit.errors import GankitError, did_you_mean

COMMANDS = {
    "fit": "train",
    "sample": "generate",
    "synthesize": "generate",
    "synth": "generate",
    "eval": "evaluate",
    "score": "evaluate",
    "augmentation": "augment",
    "fill": "impute",
    "fillna": "impute",
    "imputation": "impute",
    "invert": "project",
    "sefa": "directions",
}
COMMANDS_ANSWERED = {
    "interpolate": "gankit generate RUN --between 3:17, with --film walk.gif for a film",
    "film": "gankit generate RUN --between 3:17 --film walk.gif",
    "mix": "gankit generate RUN --mix 3:17",
    "test": "gankit evaluate RUN for a run, gankit plugins check NAME for a plugin",
    "list": "gankit runs list, gankit plugins list or gankit recipes list",
    "ls": "gankit runs list, gankit plugins list or gankit recipes list",
    "show": "gankit runs show RUN, gankit plugins show NAME or gankit recipes show NAME",
    "resume": "gankit train --out RUN",
    "check": "gankit plugins check NAME, or gankit doctor for this machine",
    "install": "gankit plugins install NAME",
    "version": "gankit --version",
    "help": "gankit --help",
}
OPTIONS = {
    "--n": "-n",
    "--num": "-n",
    "--num-samples": "-n",
    "--n-samples": "-n",
    "--count": "-n",
    "--samples": "-n",
    "-o": "--out",
    "--output": "--out",
    "--output-dir": "--out",
    "--out-dir": "--out",
    "--outdir": "--out",
    "--resume": "--out",
    "--dataset": "--data",
    "--input": "--data",
    "--data-dir": "--data",
    "--data-path": "--data",
    "--model": "--plugin",
    "--modality": "--plugin",
    "--random-state": "--seed",
    "--random-seed": "--seed",
    "--n-epochs": "--epochs",
    "--num-epochs": "--epochs",
    "--max-epochs": "--epochs",
    "--max-time": "--time",
    "--force": "--overwrite",
    "--metric": "--metrics",
    "--condition": "--where",
    "--interpolate": "--between",
    "--psi": "--truncation",
    "--trunc": "--truncation",
    "--truncation-psi": "--truncation",
    "--gif": "--film",
    "--direction": "--along",
    "--style-mixing": "--mix",
    "--latents": "--latent",
    "--num-steps": "--steps",
    "--frames": "-n",
    "--imputations": "-m",
}
"""Options that stand for another one, in commands that have that one."""
SETTINGS = {
    "--lr": "optim.lr",
    "--learning-rate": "optim.lr",
    "--batch": "train.batch",
    "--batch-size": "train.batch",
    "--num-workers": "data.workers",
}
"""Options that stand for a setting, where a run is trained."""
DEVICES = {"--gpu": "cuda", "--cuda": "cuda", "--cpu": "cpu", "--no-cuda": "cpu", "--mps": "mps"}
"""Options without a value that stand for ``--device``; a number after them is the GPU's."""
RUNS = ("--run", "--run-dir", "--model", "--checkpoint")
"""Options that stand for the argument RUN."""
ANSWERS = {
    "--steps": "Training is counted in samples: --samples N, of which a step sees train.batch",
    "--iterations": "Training is counted in samples: --samples N, of which a step sees train.batch",
    "--num-samples": "--samples N is the length of training, gankit generate RUN -n N generates",
    "--label": "Use --where label=VALUE",
    "--class": "Use --where label=VALUE",
    "--resolution": "Settings are written without dashes: resolution=32",
}


@dataclass
class Words:
    """The words of one command line, with the options that the command has.

    Args:
        known: each option's names, with whether it takes a value.
        takes_run: whether the command has the argument RUN.
        trains: whether it takes the settings of a run.
    """

    known: Mapping[str, bool]
    takes_run: bool = False
    trains: bool = False

    def translated(self, args: list[str]) -> list[str]:
        """The words with synonyms replaced.

        Raises:
            GankitError: an option that does not exist; the message has the right word.
        """
        found, rest = list[str](), list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return [*found, word, *rest]
            name, equals, value = word.partition("=")
            if not re.match(r"--?[A-Za-z]", word):
                found.append(word)
            elif (known := self._known(name)) is not None:
                found.append(word)
                if known and not equals and rest:
                    found.append(rest.pop(0))
            elif "--device" in self.known and name in DEVICES:
                number = [value] if equals else [rest.pop(0)] if rest and rest[0].isdigit() else []
                found += ["--device", ":".join([DEVICES[name], *number])]
            else:
                follows = rest and not rest[0].startswith("-")
                synonym, used = self._synonym(name, value if equals else rest[0] if follows else "")
                found += synonym
                if used and not equals:
                    rest.pop(0)
        return found

    def _known(self, name: str) -> bool | None:
        """Whether an option takes a separate value; None for no option of this command."""
        if name in self.known:
            return self.known[name]
        if not name.startswith("--") and name[:2] in self.known:
            return False  # -n5, or several short ones: the parser knows
        return None

    def _synonym(self, name: str, value: str) -> tuple[list[str], bool]:
        """What an unknown option stands for, and whether the value belongs to it."""
        if name == "--resume" and self.trains:
            if not value:
                raise GankitError("--resume needs a run", "Use gankit train --out RUN")
            if not os.path.isdir(value):
                raise GankitError(f"no run at {value} to resume", "Check the path")
        meant = OPTIONS.get(name, "")
        if meant in self.known:
            takes_value = self.known[meant] and bool(value)
            return [meant, value] if takes_value else [meant], takes_value
        if name in RUNS and self.takes_run and value:
            return [value], True
        if name in SETTINGS and self.trains and value:
            return [f"{SETTINGS[name]}={value}"], True
        raise GankitError(f"no option {name}", ANSWERS.get(name) or self._hint(name))

    def _hint(self, name: str) -> str:
        """The nearest option, or where to look."""
        if near := difflib.get_close_matches(name, self.known, n=1, cutoff=0.7):
            return f"Did you mean {near[0]}?"
        key = name.lstrip("-").replace("-", "_")
        more = f"; settings are written without dashes: {key}=VALUE" if self.trains else ""
        return f"See --help{more}"


def no_command(name: str, known: Collection[str], within: str) -> GankitError:
    """The error for a command that does not exist, with the right word."""
    hint = COMMANDS_ANSWERED.get(name) if within == "gankit" else None
    if hint is None and os.path.exists(name):
        hint = f"gankit train --data {name}"
    return GankitError(
        f"{within} has no command {name!r}", f"Use {hint}" if hint else did_you_mean(name, [*known])
    )


def command_meant(name: str) -> str:
    """The command that a word means."""
    return COMMANDS.get(name, name)


def words_of(command: Any, ctx: Any) -> Words:
    """The options and arguments of a command."""
    params = command.get_params(ctx)
    known = {
        name: not (getattr(param, "is_flag", False) or getattr(param, "count", False))
        for param in params
        if param.param_type_name == "option"
        for name in (*param.opts, *param.secondary_opts)
    }
    arguments = [p for p in params if p.param_type_name == "argument"]
    return Words(
        known,
        takes_run=any(p.name in ("run", "subject") for p in arguments),
        trains="--epochs" in known,
    )
