"""Which layers of one kind share a weight set."""

from __future__ import annotations

import re
from collections import Counter

from spaces.layout import Layer, Layout

_CYCLE = re.compile(r"cycle-([2-9]|[1-9][0-9]{1,2})")


def check_sharing(rule: str) -> str:
    """``rule`` itself, if it is one.

    Raises:
        ValueError: it is not.
    """
    if rule not in ("none", "all", "pairs") and not _CYCLE.fullmatch(rule):
        raise ValueError(f"'{rule}' is no sharing; use none, all, pairs or cycle-K with K from 2")
    return rule


def weight_sets(rule: str, n_layers: int) -> tuple[int, ...]:
    """The weight set, from 0, of each of ``n_layers`` of one kind, bottom to top.

    ``none``: one each. ``all``: one for all. ``pairs``: one for each two that follow each
    other. ``cycle-K``: K sets in turn, so that the first and the (K+1)-th layer share.
    """
    match rule:
        case "none":
            return tuple(range(n_layers))
        case "all":
            return (0,) * n_layers
        case "pairs":
            return tuple(i // 2 for i in range(n_layers))
    cycle = _CYCLE.fullmatch(rule)
    if cycle is None:
        raise ValueError(f"no sharing is called {rule!r}")
    return tuple(i % int(cycle[1]) for i in range(n_layers))


def rules_differ(rules: tuple[str, ...], n_layers: int) -> bool:
    """Whether it matters for ``n_layers`` of one kind which of ``rules`` is taken."""
    return len({weight_sets(rule, n_layers) for rule in rules}) > 1


def share(kinds: str, *, learned: str, reservoir: str) -> Layout:
    """The canonical layout of these kinds; each reservoir kind shares within itself alone."""
    sets = {
        kind: iter(weight_sets(learned if kind == "L" else reservoir, n_layers))
        for kind, n_layers in Counter(kinds).items()
    }
    return Layout(tuple(Layer(kind, 1 + next(sets[kind])) for kind in kinds)).canonical()
