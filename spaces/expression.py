"""Expressions over named quantities, as study files have them: ``ffn == 4 * d_model``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from simpleeval import EvalWithCompoundTypes


def _of_numbers(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The arithmetic operation, refusing operands that are no numbers.

    Python's own also repeats texts and lists, and formats texts, to any size.
    """

    def checked(*operands: Any) -> Any:
        for operand in operands:
            if not isinstance(operand, int | float):
                raise TypeError(f"{operand!r:.40} is no number to calculate with")
        return operation(*operands)

    return checked


def _power(base: float, exponent: float) -> float:
    if base < 0 and not float(exponent).is_integer():
        raise ValueError(f"{base:g} to the power of {exponent:g} is no real number")
    power: float = float(base) ** exponent
    return power


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _of_numbers(operator.add),
    ast.Sub: _of_numbers(operator.sub),
    ast.Mult: _of_numbers(operator.mul),
    ast.Div: _of_numbers(operator.truediv),
    ast.FloorDiv: _of_numbers(operator.floordiv),
    ast.Mod: _of_numbers(operator.mod),
    ast.Pow: _of_numbers(_power),
    ast.USub: _of_numbers(operator.neg),
    ast.UAdd: _of_numbers(operator.pos),
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


class UnknownNameError(ExpressionError):
    """An expression has a name that is not known."""


class Expression:
    """A parsed expression: arithmetic, comparisons, ``and``, ``or``, ``not``, ``in``, ``if``.

    Evaluated by ``simpleeval``, within its limits on sizes: no attributes, no calls but
    ``min``, ``max`` and ``abs``. Arithmetic is of numbers alone; texts and lists may only be
    compared, and lists be given to ``min`` and ``max``.

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
        self._check_literals()
        if unknown := sorted(self.names - set(known)):
            raise UnknownNameError(
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
            ExpressionError: there is none, as with a division by zero or the root of a
                negative number.
        """
        evaluator = EvalWithCompoundTypes(
            operators=dict(_OPERATORS), functions=dict(_FUNCTIONS), names=dict(values)
        )
        try:
            value: Value = evaluator.eval(self.text, previously_parsed=self._tree)
        except Exception as e:
            raise ExpressionError(f"'{self.text}': {_first_line(e)}") from e
        return value

    def _check(self, node: ast.AST) -> None:
        if not isinstance(node, _ALLOWED):
            raise ExpressionError(f"'{self.text}': {type(node).__name__} is not allowed")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        ):
            raise ExpressionError(
                f"'{self.text}': only {', '.join(sorted(_FUNCTIONS))} can be called"
            )

    def _check_literals(self) -> None:
        """Refuse texts and lists where they are not compared, and literals of other types."""
        placed: set[int] = set()
        for node in ast.walk(self._tree):  # parents come before their children
            placed.update(id(each) for each in _may_be_literals(node, is_placed=id(node) in placed))
            if isinstance(node, ast.Constant) and not isinstance(node.value, _LITERALS):
                raise ExpressionError(
                    f"'{self.text}': {node.value!r:.40} is not allowed, only numbers and texts"
                )
            is_number = not isinstance(node, ast.List | ast.Tuple) and not (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            )
            if not is_number and id(node) not in placed:
                raise ExpressionError(
                    f"'{self.text}': {ast.unparse(node):.40} is not a number; texts and lists "
                    "can only be compared"
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
_LITERALS = (int, float, str)  # types; bool is an int


def _may_be_literals(node: ast.AST, *, is_placed: bool) -> list[ast.expr]:
    """Children of a node that may be texts or lists."""
    match node:
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.Call():
            return [arg for arg in node.args if isinstance(arg, ast.List | ast.Tuple)]
        case ast.List() | ast.Tuple() if is_placed:
            return node.elts
        case ast.IfExp() if is_placed:
            return [node.body, node.orelse]
        case _:
            return []


def _first_line(error: Exception) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return said.splitlines()[0] if said else type(error).__name__
