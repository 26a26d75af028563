"""Sharing rules: the weight sets of the layers of one kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from spaces.kinds import LAYER_KINDS, PART_ENDINGS
from spaces.layout import MAX_RANK, Layer, Layout

_RULE = re.compile(r"(?P<whole>[^:+]*)(?P<part>:[^+]*)?(?P<rank>\+r[1-9][0-9]{0,2})?")
_NUMBERED = re.compile(r"(groups|sequence|cycle|cycle-rev)-([2-9]|[1-9][0-9]{1,2})")
PLAIN_RULES = ("none", "all", "pairs", "sandwich")
_PART = rf"(:({'|'.join(PART_ENDINGS)}))?"
_RULE_BUT_NONE = rf"({'|'.join(PLAIN_RULES[1:])}|{_NUMBERED.pattern}){_PART}"
RESERVOIR_RULE = rf"(none|{_RULE_BUT_NONE})"  # regular expressions of whole rules
LEARNED_RULE = rf"(none|{_RULE_BUT_NONE}(\+r[1-9][0-9]{{0,2}})?)"


def check_sharing(rule: str) -> str:
    """Return ``rule`` if it is a sharing rule.

    Raises:
        ValueError: ``rule`` is not a sharing rule.
    """
    if re.fullmatch(LEARNED_RULE, rule) is None:
        raise ValueError(
            f"'{rule}' is no sharing; use none, all, pairs, sandwich, or groups-K, sequence-K, "
            "cycle-K or cycle-rev-K with K from 2; all but none may end in :attention, "
            ":feed-forward or :weights (all but the norms), and then in +rN, a low-rank "
            f"difference of each use (N from 1 to {MAX_RANK})"
        )
    return rule


def check_reservoir_sharing(rule: str) -> str:
    """Return ``rule`` if it is a sharing rule for reservoirs.

    Raises:
        ValueError: ``rule`` is not a sharing rule, or has low-rank differences, which learn.
    """
    if rank_of(check_sharing(rule)):
        raise ValueError(f"'{rule}': reservoirs have no differences, for these learn; leave out +r")
    return rule


def part_of(rule: str) -> str:
    """Letter of the part that ``rule`` shares; empty if it shares whole layers."""
    part = _read(rule)["part"]
    return PART_ENDINGS[part.removeprefix(":")] if part else ""


def rank_of(rule: str) -> int:
    """Rank of the difference that each use of a shared layer has by ``rule``; 0 without one."""
    rank = _read(rule)["rank"]
    return int(rank.removeprefix("+r")) if rank else 0


def _read(rule: str) -> re.Match[str]:
    read = _RULE.fullmatch(rule)
    if read is None:
        raise ValueError(f"no sharing is called {rule!r}")
    return read


def weight_sets(rule: str, n_layers: int) -> tuple[int, ...]:
    """Weight set of each of ``n_layers`` layers of one kind, numbered from 0, bottom to top.

    ``none``: a set for each layer. ``all``: one set for all. ``sandwich``: one set for all
    but the first and the last, which are not shared. ``pairs``: one set for every two
    consecutive layers. ``groups-K``: one set for every K consecutive layers. The other rules
    have K sets: ``sequence-K`` in runs of nearly equal length, ``cycle-K`` in turn, so that
    the first and the (K+1)-th layer share, ``cycle-rev-K`` in turn, but for the last K
    layers in reverse order. The part and the rank that a rule ends in play no role here.

    Raises:
        ValueError: there is no such rule.

    Source:
        groups: Lan et al. 2019 (arXiv:1909.11942); sequence, cycle, cycle-rev: Takase and
        Kiyono 2021 (arXiv:2104.06022), algorithm 1; sandwich: Reid et al. 2021
        (arXiv:2101.00234), section 3.1.
    """
    rule = _read(rule)["whole"]
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
    last_turn = max(0, n_layers - 1) // n_sets * n_sets  # first layer of the reversed turn
    forward = _cycle(n_layers, n_sets)
    return tuple(n_sets - 1 - s if 0 < last_turn <= i else s for i, s in enumerate(forward))


_RULES: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "groups": _groups,
    "sequence": _sequence,
    "cycle": _cycle,
    "cycle-rev": _cycle_rev,
}


@lru_cache(maxsize=1024)
def rules_differ(rules: tuple[str, ...], n_layers: int) -> bool:
    """True if ``rules`` give different layouts for ``n_layers`` layers of one kind."""
    if n_layers < 2:
        return False
    return len({share("L" * n_layers, learned=rule, reservoir="none") for rule in rules}) > 1


def share(kinds: str, *, learned: str, reservoir: str) -> Layout:
    """Canonical layout of ``kinds`` with the given sharing rules.

    A weight set holds layers of one kind only.

    Raises:
        ValueError: there is no such rule, or a kind cannot share the part that it names.
    """
    rules = {kind: reservoir if LAYER_KINDS[kind].is_reservoir else learned for kind in kinds}
    sets = {
        kind: iter(weight_sets(rules[kind], n_layers)) for kind, n_layers in Counter(kinds).items()
    }
    return Layout(
        tuple(
            Layer(kind, 1 + next(sets[kind]), part_of(rules[kind]), rank_of(rules[kind]))
            for kind in kinds
        )
    ).canonical()
