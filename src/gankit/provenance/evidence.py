"""What is looked at: a file, or a member of an archive; and whose signatures are known."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gankit.errors import GankitError
from gankit.provenance.keys import CERTIFICATE, folder, own_certificate, read_certificates
from gankit.system_errors import reason

if TYPE_CHECKING:
    from cryptography import x509

EDGE = 2**20
"""Bytes at each end of a file in which marks are looked for."""


@dataclass(frozen=True)
class SignatureCheck:
    """A signature, checked."""

    intact: bool
    """Whether signature and content are as they were when it was signed."""
    problem: str
    """What does not hold, or makes it unknown; empty where all is well."""
    signer: str
    """Whom its certificate names."""
    serial: int | None
    """Of its certificate."""
    known: bool
    """Whether its authority is among the known ones, or it is itself and signed by itself."""
    self_signed: bool


@dataclass(frozen=True)
class Evidence:
    """A file's content, wherever it lies."""

    name: str
    """With slashes; its ending says what it is."""
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)

    @classmethod
    def of(cls, path: Path, name: str = "") -> Evidence:
        """A file.

        Raises:
            GankitError: it cannot be read, or is none.
        """
        try:
            if not path.is_file():
                what = "is no file" if path.exists() else "does not exist"
                raise GankitError(f"{path} {what}", "Name a file that gankit or others wrote")
            size = path.stat().st_size
            path.open("rb").close()
        except OSError as error:
            raise GankitError(
                f"{path} cannot be read: {reason(error)}", "Check its permissions"
            ) from None
        return cls(name or path.name, size, lambda: path.open("rb"))

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> Evidence:
        return cls(name, len(content), lambda: io.BytesIO(content))

    @property
    def ending(self) -> str:
        """In small letters, with the dot."""
        return os.path.splitext(self.name)[1].lower()

    def edges(self, most: int = EDGE) -> bytes:
        """The first and the last bytes; all where they are few."""
        with self.open() as file:
            head = file.read(most)
            if self.size <= 2 * most:
                return head + file.read()
            file.seek(self.size - most)
            return head + b"\n" + file.read()


@dataclass(frozen=True)
class Known:
    """Certificates of signers, or of authorities that vouch for signers, each with a name to call
    it by."""

    named: Sequence[tuple[x509.Certificate, str]] = ()

    @classmethod
    def of_user(cls, more: Sequence[Path] = ()) -> Known:
        """The user's own, those in the user's folder ``trusted``, and more.

        Args:
            more: PEM files.

        Raises:
            GankitError: one of ``more`` or of the trusted ones cannot be read.
        """
        return cls(tuple(_user_certificates(more)))

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        return tuple(certificate for certificate, _ in self.named)

    def called(self, serial: int | None) -> str:
        """What to call the signer whose certificate has this serial number, where it is one of
        these; empty otherwise."""
        return next((name for c, name in self.named if c.serial_number == serial), "")


def trusted_folder() -> Path:
    """Where a user keeps the certificates of other signers."""
    return folder() / "trusted"


def _user_certificates(more: Sequence[Path]) -> Iterator[tuple[x509.Certificate, str]]:
    own = own_certificate()
    if own.is_file():
        with contextlib.suppress(GankitError):  # a damaged one is reported where it signs
            yield read_certificates(own)[0], "your own key"
    if named := os.environ.get(CERTIFICATE):
        with contextlib.suppress(GankitError):
            for certificate in read_certificates(Path(named).expanduser()):
                yield certificate, "your own key"
    found = []
    with contextlib.suppress(OSError):
        found = sorted(p for p in trusted_folder().iterdir() if p.suffix in (".pem", ".crt"))
    for path in found:
        name = "your former key" if path.name.startswith("own-until-") else path.name
        for certificate in read_certificates(path, f"Restore it, or remove it from {path.parent}"):
            yield certificate, name
    for path in more:
        hint = "--trust takes a PEM file with the certificate of a signer or an authority"
        for certificate in read_certificates(path, hint):
            yield certificate, path.name
