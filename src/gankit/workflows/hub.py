"""Publishing a run's ``model/`` on the Hugging Face hub, by ``huggingface_hub``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.report.card import CARD, write_card
from gankit.runs.directory import Run
from gankit.runs.memorisation import memorisation_warning
from gankit.runs.model import CODEC, GENERATOR, MODEL, RATIO, WARM_GENERATOR

FILES = (CARD, MODEL, GENERATOR, CODEC, RATIO, WARM_GENERATOR)
"""All that is ever uploaded, as far as it is there: no data, no previews, no checkpoints."""
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class Upload:
    """What is about to leave this machine, and where it goes."""

    repository: str
    address: str
    private: bool
    files: Sequence[Path]
    warning: str = ""
    """That the samples may be copies of training items."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    def lines(self) -> list[str]:
        """For people, before it happens."""
        seen = "private" if self.private else "public: everybody can download it"
        names = ", ".join(file.name for file in self.files)
        return [
            f"uploading to {self.address}/{self.repository} (new repositories are {seen})",
            f"{len(self.files)} files, {self.size / 1e6:.1f} MB: {names}",
        ]


def publish(
    run: Run,
    repository: str,
    *,
    public: bool = False,
    announce: Callable[[Upload], None] = lambda upload: None,
) -> str:
    """Uploads a run's model with its card, and returns the address of the commit.

    The repository is created where it does not exist, private unless ``public``. One that exists
    has to be of a model that gankit published; its visibility stays as it is.

    Args:
        repository: ``OWNER/NAME``.
        announce: called before anything is sent.

    Raises:
        GankitError: ``huggingface_hub`` is not installed, there is no token, the hub cannot be
            reached or refuses, the repository holds something else, or a file is a link.
    """
    if not REPOSITORY.fullmatch(repository):
        raise GankitError(f"--hub {repository}: not a repository", "Use OWNER/NAME, as me/digits")
    api = _api()
    if run.table:
        write_card(run)
    if not run.samples_trained:
        raise GankitError(f"{run.path} is untrained: it saw no samples", "Train it first")
    files = [run.model_folder / name for name in FILES if (run.model_folder / name).is_file()]
    if links := [file for file in files if file.is_symlink()]:
        raise GankitError(
            f"{links[0]} is a link, and what it leads to would be published",
            "See where it leads, and copy the folder without links: cp -rL",
        )
    warning = memorisation_warning(run, shares_model=True)
    upload = Upload(repository, api.endpoint, not public, files, warning)
    announce(upload)
    return _sent(api, upload)


def _api() -> Any:
    """The client, with a token.

    Raises:
        GankitError: it is not installed, or there is no token.
    """
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils import (  # type: ignore[attr-defined] # it is documented
            disable_progress_bars,
            logging,
        )
    except ImportError:
        raise GankitError(
            "the hub needs huggingface_hub, which is not installed",
            "pip install 'gankit[hub]'",
        ) from None
    if get_token() is None:
        raise GankitError(
            "no token of the Hugging Face hub", "Log in with `hf auth login`, or set HF_TOKEN"
        )
    logging.set_verbosity_error()  # type: ignore[no-untyped-call] # errors are one line of ours
    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(library_name="gankit")


def _sent(api: Any, upload: Upload) -> str:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import (  # type: ignore[attr-defined] # its client's HTTPError
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        RepositoryNotFoundError,
    )

    name = upload.repository
    try:
        api.whoami()  # at once, where other requests are repeated for half a minute
        try:
            _check_own(name, [file.path for file in api.list_repo_tree(name)])
        except RepositoryNotFoundError:
            api.create_repo(name, private=upload.private)
        operations = [
            CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=file)
            for file in upload.files
        ]
        done = api.create_commit(name, operations, commit_message="Upload a gankit model")
    except HFValidationError as error:
        raise GankitError(f"--hub {name}: {_line(error)}", "Use OWNER/NAME") from None
    except HfHubHTTPError as error:
        raise _refusal(error, upload) from None
    except (HTTPError, OSError) as error:
        raise _unreachable(error, upload) from None
    except RuntimeError as error:  # of one file's upload, for another reason
        raise _unreachable(error.__cause__ or error, upload) from None
    return str(done.commit_url)


def _check_own(name: str, files: Sequence[str]) -> None:
    """Refuses to write into a repository of something else: it may be of another project.

    Raises:
        GankitError: it has files, but no ``model.json``.
    """
    others = [file for file in files if file not in (".gitattributes", CARD)]
    if others and MODEL not in files:
        raise GankitError(
            f"{name} exists and holds no gankit model, but {others[0]}", "Choose another name"
        )


def _refusal(error: Any, upload: Upload) -> GankitError:
    status = getattr(error.response, "status_code", 0)
    hint = {
        401: "The token is not valid: log in with `hf auth login`, or set HF_TOKEN",
        403: f"The token may not write to {upload.repository}: use one with write access",
        409: "Choose another name, or try again",
        413: "Files are too large for this repository",
        429: "Too many requests: wait a while",
    }.get(status, "Try again later; nothing was changed unless a commit is shown on the hub")
    return GankitError(f"{upload.address} refused ({status}): {_line(error)}", hint)


def _unreachable(error: BaseException, upload: Upload) -> GankitError:
    return GankitError(
        f"{upload.address} cannot be reached: {_line(error)}",
        "Check the connection, and HF_ENDPOINT if it is set",
    )


def _line(error: BaseException) -> str:
    text = getattr(error, "server_message", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:300]
