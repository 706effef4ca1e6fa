"""The setting ``objective``: an expression of computed properties, or a user's function."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from gankit.errors import GankitError, did_you_mean
from gankit_molecule.data.properties import PROPERTIES, Values
from gankit_molecule.settings import MoleculeSettings

EXAMPLES = "objective=qed, 'objective=qed - 0.1*sa', or objective=scorer.py:score"
MAX_LENGTH = 1_000
"""Characters of an expression."""

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.true_divide,
    ast.Pow: np.power,
    ast.USub: np.negative,
    ast.UAdd: np.positive,
}
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "abs": (np.abs, 1, 1),
    "exp": (np.exp, 1, 1),
    "log": (np.log, 1, 1),
    "min": (np.minimum, 2, 100),
    "max": (np.maximum, 2, 100),
}
"""Each with its minimum and maximum number of arguments."""
_FUNCTION = re.compile(r"[^\W\d]\w*")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Expression:
    """Arithmetic on computed properties; higher is better."""

    text: str
    names: tuple[str, ...]
    """Names from :data:`PROPERTIES`, in the order in which they occur."""
    tree: ast.expr

    def of(self, values: Mapping[str, Values]) -> Values:
        """The values ``(N,)`` for properties ``(N,)`` by name; NaN or infinite where undefined."""
        n = len(values[self.names[0]])
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self._value(self.tree, values), np.float64), (n,))

    def _value(self, node: ast.expr, values: Mapping[str, Values]) -> Any:
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, int | float)
            return np.float64(node.value)
        if isinstance(node, ast.Name):
            return values[node.id]
        if isinstance(node, ast.UnaryOp):
            return _OPERATORS[type(node.op)](self._value(node.operand, values))
        if isinstance(node, ast.BinOp):
            sides = (self._value(side, values) for side in (node.left, node.right))
            return _OPERATORS[type(node.op)](*sides)
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        function, least, _ = _FUNCTIONS[node.func.id]
        given = [self._value(argument, values) for argument in node.args]
        return reduce(function, given) if least == 2 else function(*given)


@dataclass(frozen=True)
class Scoring:
    """A user's function: a list of SMILES to one number each; higher is better."""

    text: str
    where: str
    """A module's dotted name, or a path that ends in ``.py``."""
    function: str


def read_objective(text: str) -> Expression | Scoring:
    """Parses an objective, without running any of it.

    Raises:
        GankitError: it is neither an expression of known properties nor the place of a function.
    """
    text = text.strip()
    if ":" in text:
        where, _, function = text.rpartition(":")
        named = where.endswith(".py") or _MODULE.fullmatch(where)
        if not named or not _FUNCTION.fullmatch(function):
            raise _wrong(text, "neither an expression nor package.module:function")
        return Scoring(text, where, function)
    if text.endswith(".py"):
        raise _wrong(text, "no function of that file is named", f"Write objective={text}:score")
    return _expression(text)


def objective_of(settings: MoleculeSettings) -> Expression | Scoring | None:
    """A run's objective, if it has one.

    Raises:
        GankitError: it cannot be parsed, or there is a reward without an objective.
    """
    if not settings.objective.strip():
        if settings.reward:
            raise GankitError("objective: none is set", f"Set one, such as {EXAMPLES}")
        return None
    return read_objective(settings.objective)


def _expression(text: str) -> Expression:
    if len(text) > MAX_LENGTH:
        raise _wrong(f"{text[:40]}…", f"longer than {MAX_LENGTH:,} characters")
    try:
        tree = ast.parse(text, mode="eval").body
        names = list(dict.fromkeys(_names(tree, text)))
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        raise _wrong(text, "not an expression") from None
    if not names:
        raise _wrong(text, "no property in it", f"Known: {', '.join(PROPERTIES)}")
    return Expression(text, tuple(names), tree)


def _names(node: ast.AST, text: str) -> Sequence[str]:
    """The properties in an expression, all parts of which are allowed."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        float(node.value)  # type: ignore[arg-type]  # whole numbers may be too large for one
        return ()
    if isinstance(node, ast.Name):
        if node.id not in PROPERTIES:
            raise _wrong(
                text, f"there is no property {node.id}", did_you_mean(node.id, [*PROPERTIES], 20)
            )
        return (node.id,)
    inner: Sequence[ast.AST]
    if isinstance(node, ast.UnaryOp | ast.BinOp) and type(node.op) in _OPERATORS:
        inner = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        name = node.func.id
        if name not in _FUNCTIONS:
            raise _wrong(text, f"there is no function {name}", did_you_mean(name, [*_FUNCTIONS]))
        _, least, most = _FUNCTIONS[name]
        if not least <= len(node.args) <= most:
            raise _wrong(text, f"{name} takes {'one value' if most == 1 else 'two or more'}")
        inner = node.args
    else:
        raise _wrong(text, f"{ast.unparse(node)} is not allowed in an expression")
    return [name for part in inner for name in _names(part, text)]


def _wrong(text: str, why: str, hint: str = "") -> GankitError:
    return GankitError(
        f"objective={text}: {why}",
        hint
        or "Write numbers and properties with + - * / **, abs, min, max, exp and log, "
        f"or the place of a function; such as {EXAMPLES}",
    )
