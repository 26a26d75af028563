"""Expressions of a study file: what they may say, and what each fault is told as."""

from __future__ import annotations

import pytest

from spaces.expression import Expression, ExpressionError

VALUES = {"ffn": 8, "d_model": 2, "kind": "R", "depth": 3, "score": 2.5}


def value(text: str) -> object:
    return Expression(text, VALUES).evaluate(VALUES)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("ffn == 4 * d_model", True),
        ("kind != 'F' or depth > 4", True),
        ("score - 0.5 * depth", 1.0),
        ("kind in ['R', 'F'] and not depth in (1, 2)", True),
        ("1 < depth < 3", False),
        ("min(depth, 2) + max(1, 5) + abs(-1)", 8),
        ("-ffn // 3 % 2 if depth == 3 else 0", 1),
        ("2 ** depth", 8.0),
    ],
)
def test_value_is_pythons(text: str, right: object) -> None:
    assert value(text) == right


@pytest.mark.parametrize(
    "text",
    [
        "ffn.real",
        "__import__('os')",
        "abs.__class__",
        "kind[0]",
        "[x for x in kind]",
        "lambda: 1",
        "f'{ffn}'",
        "(ffn := 3)",
        "open('x')",
        "ffn; depth",
        "ffn = 3",
        "",
        "ffn +",
        "(" * 500 + ")" * 500,
        "await ffn",
        "{1: 2}",
        "[score]",
        "(score, depth)",
        "'score'",
        "score + 'a'",
        "score * 1j",
        "None",
        "...",
        "b'a' == kind",
        "'%99999999d' % 1 == 'a'",
        "[1] * 99999999 == kind",
    ],
)
def test_what_is_not_an_expression_of_quantities_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"is not|only"):
        Expression(text, VALUES)


@pytest.mark.parametrize("text", ["1 / 0", "9 ** 9 ** 9 ** 9", "kind < 1"])
def test_without_a_value_it_says_why(text: str) -> None:
    with pytest.raises(ExpressionError) as said:
        value(text)
    assert text in str(said.value)
    assert "\n" not in str(said.value)


def test_unknown_name_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ExpressionError, match="unknown name depht; known are d_model, depth, ffn"):
        Expression("depht > 4", VALUES)


def test_names_are_those_of_quantities() -> None:
    assert Expression("min(depth, ffn) > 4", VALUES).names == {"depth", "ffn"}


@pytest.mark.parametrize(
    "text", ["kind * 99999999", "kind % 1", "kind + kind", "-kind", "kind ** 2", "2 - kind"]
)
def test_arithmetic_is_of_numbers_alone(text: str) -> None:
    with pytest.raises(ExpressionError, match="'R' is no number to calculate with"):
        value(text)


def test_root_of_a_negative_number_is_told() -> None:
    with pytest.raises(ExpressionError, match=r"-96.5 to the power of 0.5 is no real number"):
        value("(score - 99) ** 0.5")
    assert value("(score - 4.5) ** 3") == -8.0


def test_texts_and_lists_can_be_compared() -> None:
    assert value("kind == ('R' if depth > 2 else 'F') and max([depth, 4]) == 4") is True
