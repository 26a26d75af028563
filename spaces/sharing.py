"""Which layers of one kind share a weight set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from spaces.kinds import LAYER_KINDS
from spaces.layout import Layer, Layout

_NUMBERED = re.compile(r"(groups|sequence|cycle|cycle-rev)-([2-9]|[1-9][0-9]{1,2})")
# What layers share that do not share all, as a rule ends, and as a layout has it.
_PARTS = {"attention": "a", "feed-forward": "f", "weights": "w"}


def check_sharing(rule: str) -> str:
    """``rule`` itself, if it is one.

    Raises:
        ValueError: it is not.
    """
    whole, colon, part = rule.partition(":")
    is_rule = whole in ("none", "all", "pairs", "sandwich") or _NUMBERED.fullmatch(whole)
    if not is_rule or (colon and (whole == "none" or part not in _PARTS)):
        raise ValueError(
            f"'{rule}' is no sharing; use none, all, pairs, sandwich, or groups-K, sequence-K, "
            "cycle-K or cycle-rev-K with K from 2; all but none may end in :attention, "
            ":feed-forward or :weights (all but the norms)"
        )
    return rule


def part_of(rule: str) -> str:
    """The letter of the part that layers share by ``rule``; empty where they share all."""
    _, colon, part = rule.partition(":")
    return _PARTS[part] if colon else ""


def weight_sets(rule: str, n_layers: int) -> tuple[int, ...]:
    """The weight set, from 0, of each of ``n_layers`` of one kind, bottom to top.

    ``none``: one each. ``all``: one for all. ``sandwich``: one for all but the first and the
    last, which have their own. ``pairs``: one for each two that follow each other.
    ``groups-K``: one for each K that follow each other. The others have K sets:
    ``sequence-K`` in runs of like length, ``cycle-K`` in turn, so that the first and the
    (K+1)-th layer share, ``cycle-rev-K`` in turn but for the last K layers, which take them
    the other way round. Which part of a layer is in the set plays no role here.

    Source:
        groups: Lan et al. 2019 (arXiv:1909.11942); sequence, cycle, cycle-rev: Takase and
        Kiyono 2021 (arXiv:2104.06022), algorithm 1; sandwich: Reid et al. 2021
        (arXiv:2101.00234), section 3.1.
    """
    rule = rule.partition(":")[0]
    match rule:
        case "none":
            return tuple(range(n_layers))
        case "all":
            return (0,) * n_layers
        case "pairs":
            return _groups(n_layers, 2)
        case "sandwich":
            return tuple(min(i, 1) + (1 < i == n_layers - 1) for i in range(n_layers))
    numbered = _NUMBERED.fullmatch(rule)
    if numbered is None:
        raise ValueError(f"no sharing is called {rule!r}")
    return _RULES[numbered[1]](n_layers, int(numbered[2]))


def _groups(n_layers: int, size: int) -> tuple[int, ...]:
    return tuple(i // size for i in range(n_layers))


def _sequence(n_layers: int, n_sets: int) -> tuple[int, ...]:
    n_sets = min(n_sets, n_layers)
    return tuple(i * n_sets // n_layers for i in range(n_layers))


def _cycle(n_layers: int, n_sets: int) -> tuple[int, ...]:
    return tuple(i % n_sets for i in range(n_layers))


def _cycle_rev(n_layers: int, n_sets: int) -> tuple[int, ...]:
    last_turn = max(0, n_layers - 1) // n_sets * n_sets  # where the turn begins that is reversed
    forth = _cycle(n_layers, n_sets)
    return tuple(n_sets - 1 - s if 0 < last_turn <= i else s for i, s in enumerate(forth))


_RULES: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "groups": _groups,
    "sequence": _sequence,
    "cycle": _cycle,
    "cycle-rev": _cycle_rev,
}


def rules_differ(rules: tuple[str, ...], n_layers: int) -> bool:
    """Whether it matters for ``n_layers`` of one kind which of ``rules`` is taken."""
    if n_layers < 2:
        return False
    return len({share("L" * n_layers, learned=rule, reservoir="none") for rule in rules}) > 1


def share(kinds: str, *, learned: str, reservoir: str) -> Layout:
    """The canonical layout of these kinds; each reservoir kind shares within itself alone."""
    rules = {kind: reservoir if LAYER_KINDS[kind].is_reservoir else learned for kind in kinds}
    sets = {
        kind: iter(weight_sets(rules[kind], n_layers)) for kind, n_layers in Counter(kinds).items()
    }
    return Layout(
        tuple(Layer(kind, 1 + next(sets[kind]), part_of(rules[kind])) for kind in kinds)
    ).canonical()
