"""``gankit provenance init-key | inspect | verify``"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gankit.cli._output import print_json
from gankit.errors import GankitError
from gankit.screen.console import err, out
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.provenance.inspection import Finding
    from gankit.provenance.layers import Layer
    from gankit.provenance.verification import Verification

app = typer.Typer(
    help="Check the marks and signatures of files. Outputs are signed with your own key, unless "
    "GANKIT_SIGN=off.",
    no_args_is_help=True,
)

MOST = 20
"""Problems that are listed."""
WIDTH = 21
"""Of the names of layers."""
LONGEST = 64
"""Characters of a name in a certificate (RFC 5280)."""

Trust = Annotated[
    list[Path] | None,
    typer.Option(
        "--trust",
        metavar="PEM",
        help="A certificate of a signer or an authority that you trust. Repeatable.",
    ),
]
Record = Annotated[
    Path | None,
    typer.Option("--record", metavar="FILE", help="The provenance record of a file moved away."),
]


@app.command("init-key")
def init_key(
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="Whom the certificate names.")
    ] = "gankit user",
    force: Annotated[
        bool, typer.Option("--force", help="Replace your key; the former one is kept.")
    ] = False,
) -> None:
    """Make the key that signs your outputs, with a self-signed certificate.

    Without this command, one is made with the first output. For a certificate that other programs
    trust, set GANKIT_SIGNING_KEY and GANKIT_SIGNING_CERT to a pair from an authority.
    """
    from gankit.provenance.keys import common_name, fingerprint, load, own_paths, replace_own

    key, certificate = own_paths()
    if key.exists() and not force:
        raise GankitError(f"{key} exists already", "Use it, or replace it: --force")
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
        raise GankitError(
            f"--name {shown!r}: not a name", f"Use 1 to {LONGEST} printable characters"
        )
    former = replace_own(name.strip())
    made = load(key, key)
    if former is not None:
        err.print(visible(f"the former key is kept: {former}"))
    out.print(f"key:         {visible(key)}")
    out.print(f"certificate: {visible(certificate)}")
    out.print(f"names:       {visible(common_name(made.chain[0]))}")
    out.print(f"SHA-256:     {fingerprint(made.chain[0])}")
    err.print(
        "Keep the key to yourself. Give the certificate to whoever is to recognise your outputs: "
        "other programs show a self-signed one as unknown"
    )


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A file, from gankit or anywhere else.")],
    trust: Trust = None,
    record: Record = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each layer of a file's provenance: found or not, intact or not, signed by whom.

    Exit code 2 if something was changed.
    """
    from gankit.kit.archives import is_archive
    from gankit.provenance.evidence import Known
    from gankit.provenance.inspection import inspect as look

    found = look(file, Known.of_user(trust or ()), record)
    if json:
        print_json(found.as_dict())
    else:
        _show(found)
        if is_archive(found.name):
            out.print(visible(f"The files in it: gankit provenance verify {file}"))
    if found.verdict == "changed":
        raise typer.Exit(2)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A file, a folder or an archive.")],
    trust: Trust = None,
    record: Record = None,
    require_known: Annotated[
        bool, typer.Option("--require-known", help="Fail unless somebody known signed all of it.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a file or a whole output against its signatures and its provenance record.

    Exit code 0 if signatures protect it and hold, 2 if something was changed or nothing signed
    protects it.
    """
    from gankit.cli._progress import interruptible
    from gankit.provenance.evidence import Known
    from gankit.provenance.verification import verify as check

    with interruptible() as meter:
        found = check(path, Known.of_user(trust or ()), record, meter)
    if json:
        print_json(found.as_dict())
    else:
        _show_verification(found)
    if found.verdict != "intact":
        raise typer.Exit(2)
    if require_known and not found.known:
        err.print("not signed by anybody known: add the signer's certificate with --trust")
        raise typer.Exit(2)


def _show(finding: Finding) -> None:
    out.print(visible(finding.name))
    for layer in finding.layers:
        _show_layer(layer)
    out.print(_WORDS[finding.verdict])


def _show_layer(layer: Layer) -> None:
    state = "none found"
    if layer.found:
        state = {True: "intact", False: "CHANGED", None: "found"}[layer.intact]
    says = f"{state}: {layer.says}" if layer.says else state
    out.print(visible(f"{layer.name + ':':{WIDTH}}{says}"))
    if layer.signer:
        out.print(visible(f"{'':{WIDTH}}signed by {layer.signer}"))


def _show_verification(found: Verification) -> None:
    alone = found.findings[0] if len(found.findings) == 1 else None
    if alone is not None and (found.record is None or found.record in alone.layers):
        _show(alone)
        return
    if found.record is not None:
        _show_layer(found.record)
    own = sum(finding.signed for finding in found.findings)
    counts = [f"{found.files:,}", *([f"{own:,} with a signature of their own"] if own else [])]
    each = Counter[str](finding.verdict for finding in found.findings)
    if found.record is None:
        counts += [f"{each[verdict]:,} {verdict}" for verdict in _WORDS if each[verdict]]
    out.print(f"{'files:':{WIDTH}}{', '.join(counts)}")
    for problem in found.problems[:MOST]:
        out.print(visible(f"- {problem}"))
    if len(found.problems) > MOST:
        out.print(f"- … and {len(found.problems) - MOST:,} more")
    if found.verdict == "unmarked" and each["unmarked"] < len(found.findings):
        out.print("Some files have no marks. They may be generated all the same")
    else:
        out.print(_WORDS[found.verdict])


_WORDS = {
    "intact": "Nothing was changed since it was written",
    "changed": "Something was changed since it was written",
    "unsigned": "Consistent with its record, which is not signed: anybody could have written both",
    "unprotected": "Marked as generated, and nothing protects the mark: it cannot be checked",
    "unmarked": "Nothing says that it is generated. It may be all the same: marks can be removed",
}
