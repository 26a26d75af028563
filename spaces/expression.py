"""Expressions over named quantities, as study files have them: ``ffn == 4 * d_model``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from simpleeval import EvalWithCompoundTypes, safe_add, safe_mult


def _modulo(dividend: Any, divisor: Any) -> Any:
    if isinstance(dividend, str):  # Python's % would format it, at any length
        raise TypeError("text has no remainder")
    return dividend % divisor


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: safe_add,
    ast.Sub: operator.sub,
    ast.Mult: safe_mult,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _modulo,
    ast.Pow: math.pow,  # of floats, and none is complex
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, values: value in values,
    ast.NotIn: lambda value, values: value not in values,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs}

Value = bool | int | float | str


class ExpressionError(ValueError):
    """An expression that is not one, or that cannot be evaluated; says why in one clause."""


class Expression:
    """A parsed expression: arithmetic, comparisons, ``and``, ``or``, ``not``, ``in``, ``if``.

    Evaluated by ``simpleeval``, within its limits on sizes: no attributes, no calls but
    ``min``, ``max`` and ``abs``.

    Args:
        text: in Python's syntax.
        known: the names that it may use.

    Raises:
        ExpressionError: a syntax error, or a name or construct that is not allowed.
    """

    def __init__(self, text: str, known: Collection[str]) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as e:
            raise ExpressionError(f"'{text}' is not an expression: {_first_line(e)}") from e
        for node in ast.walk(self._tree):
            self._check(node)
        if unknown := sorted(self.names - set(known)):
            raise ExpressionError(
                f"'{text}' has the unknown name {unknown[0]}; known are {', '.join(sorted(known))}"
            )

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the quantities that the expression uses."""
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        return frozenset(
            node.id
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Name) and id(node) not in called
        )

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """Value of the expression where its names have the ``values``.

        Raises:
            ExpressionError: there is none, as with a division by zero, or it is a list.
        """
        evaluator = EvalWithCompoundTypes(
            operators=dict(_OPERATORS), functions=dict(_FUNCTIONS), names=dict(values)
        )
        try:
            value = evaluator.eval(self.text, previously_parsed=self._tree)
        except Exception as e:
            raise ExpressionError(f"'{self.text}': {_first_line(e)}") from e
        if not isinstance(value, Value):
            raise ExpressionError(f"'{self.text}' is a {type(value).__name__}, which is no value")
        return value

    def _check(self, node: ast.AST) -> None:
        if not isinstance(node, _ALLOWED):
            raise ExpressionError(f"'{self.text}': {type(node).__name__} is not allowed")
        if isinstance(node, ast.Constant) and not isinstance(node.value, Value):
            raise ExpressionError(f"'{self.text}': {node.value!r} is not allowed")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        ):
            raise ExpressionError(
                f"'{self.text}': only {', '.join(sorted(_FUNCTIONS))} can be called"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


_ALLOWED = (
    ast.expr_context,
    ast.Name,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.boolop,
    ast.Compare,
    ast.IfExp,
    ast.Call,
    ast.List,
    ast.Tuple,
    *_OPERATORS,
)


def _first_line(error: Exception) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return said.splitlines()[0] if said else type(error).__name__
