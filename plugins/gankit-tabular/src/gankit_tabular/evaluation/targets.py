"""Which columns can be scored as a target or as groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.codec.columns import Column


def check_names(names: Sequence[str], target: str, groups: Sequence[str]) -> None:
    """Checks that the table has the target and the columns of groups.

    Raises:
        GankitError: it has not.
    """
    for setting, wanted in (("target", [target]), ("groups", groups)):
        for name in wanted:
            if name and name not in names:
                raise GankitError(
                    f"{setting}: the table has no column {name!r}", did_you_mean(name, list(names))
                )


def check_targets(columns: Sequence[Column], target: str, groups: Sequence[str]) -> None:
    """Checks that scores of the target and of the groups are defined.

    Args:
        columns: of the run's codec.

    Raises:
        GankitError: a column is an identifier, or always missing.
    """
    named = {column.name: column for column in columns}
    for setting, wanted in (("target", [target]), ("groups", groups)):
        for name in filter(None, wanted):
            column = named[name]
            why = ""
            if column.kind == "identifier":
                why = "an identifier: its values are synthesised, and nothing predicts them"
            elif not column.values and not column.bins:
                why = "always missing"
            if why:
                raise GankitError(f"{setting}: {name} is {why}", "Name another column")


def doubtful_targets(columns: Sequence[Column], target: str) -> list[str]:
    """Warnings where the target has one value, which leaves its scores out, or where the last
    column cannot be predicted, so that another one is.
    """
    shown = [column for column in columns if not column.hidden]
    able = [column for column in shown if column.kind != "identifier" and not column.constant]
    column = next((c for c in shown if c.name == target), able[-1] if able else None)
    if column is None:
        return []
    if not target and column is not shown[-1]:
        why = "is the same in all rows" if shown[-1].constant else "is an identifier"
        return [
            f"target: {shown[-1].name}, the last column, {why}, so {column.name} is predicted. "
            "Name another column: target=NAME"
        ]
    if not column.constant:
        return []
    return [
        f"target: {column.name} is the same in all rows, so the scores of predicting it are left "
        "out. Name another column: target=NAME"
    ]


def check_generated(names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Checks that generated rows have the columns of the real ones.

    Raises:
        GankitError: they lack one.
    """
    lacking = [name for name in names if rows and not any(name in row for row in rows[:100])]
    if lacking:
        raise GankitError(
            f"the generated rows have no column {lacking[0]!r}, which the real data has",
            did_you_mean(lacking[0], [str(name) for name in rows[0] if name not in names]),
        )
