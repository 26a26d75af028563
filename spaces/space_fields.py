"""Types of the values on a search space's axes, and the rules that each must keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from spaces.faults import did_you_mean
from spaces.interleaving import INTERLEAVINGS
from spaces.kinds import LAYER_KINDS, decoder_letters, listed, reservoir_letters
from spaces.layout import MAX_DEPTH
from spaces.sharing import (
    LEARNED_RULE,
    PLAIN_RULES,
    RESERVOIR_RULE,
    check_reservoir_sharing,
    check_sharing,
    part_of,
)

# Axes in whose place a list of layouts can stand.
ENCODER_AXES = (
    *("depth", "n_reservoirs", "interleaving", "share_learned", "share_reservoir"),
    "reservoir_kind",
)
DECODER_AXES = (
    *("decoder_depth", "decoder_reservoirs", "decoder_interleaving", "decoder_share_learned"),
    *("decoder_share_reservoir", "decoder_reservoir_kind"),
)


def _check_interleaving(name: str) -> str:
    if name not in INTERLEAVINGS:
        raise ValueError(
            f"'{name}' is no interleaving; use {', '.join(INTERLEAVINGS)}"
            + did_you_mean(name, INTERLEAVINGS)
        )
    return name


def _check_reservoir_kind(kind: str) -> str:
    if kind not in reservoir_letters():
        raise ValueError(f"'{kind}' is no reservoir kind; use {listed(reservoir_letters())}")
    return kind


def _decoder_kinds() -> list[str]:
    return [letter for letter in reservoir_letters() if letter in decoder_letters()]


def _check_decoder_kind(kind: str) -> str:
    able = _decoder_kinds()
    if kind not in able:
        raise ValueError(f"'{kind}' is no reservoir kind of a decoder; use {listed(able)}")
    return kind


def _check_hyper(name: str) -> str:
    table, _, field = name.partition(".")
    if not table or not field:
        raise ValueError(f"'{name}' is no setting of a trial; write table.key, as train.lr")
    return name


def check_numbers(numbers: tuple[int, ...], depths: tuple[int, ...]) -> None:
    """Check that each number of reservoirs fits a depth, and each depth has such a number.

    Raises:
        ValueError: a number fits no depth, or a depth has no number.
    """
    faults = [f"{n} reservoirs fit no depth" for n in numbers if n > max(depths)]
    faults += [f"none of them fits depth {d}" for d in depths if d < min(numbers)]
    if faults:
        raise ValueError(f"{', '.join(faults)}; a stack holds as many as it is deep")


def check_parts(kinds: Sequence[str], rules: Sequence[str], *, axis: str) -> None:
    """Check that reservoirs of each kind can share the parts that the rules share.

    Args:
        axis: the name of the rules' axis.

    Raises:
        ValueError: a kind cannot.
    """
    able = [letter for letter in reservoir_letters() if LAYER_KINDS[letter].parts]
    for rule in rules:
        for kind in kinds:
            if part_of(rule) not in LAYER_KINDS[kind].parts:
                raise ValueError(
                    f"a reservoir of kind {kind} cannot share by {axis} '{rule}'; "
                    f"only {listed(able)} can share a part, :attention or :feed-forward"
                )


def names_or_pattern(names: Sequence[str], pattern: str) -> dict[str, Any]:
    """JSON schema of a text that is one of ``names`` or fits ``pattern``; editors offer names."""
    return {"anyOf": [{"enum": list(names)}, {"type": "string", "pattern": pattern}]}


Depth = Annotated[int, Field(ge=1, le=MAX_DEPTH)]
DecoderDepth = Annotated[int, Field(ge=0, le=MAX_DEPTH)]  # 0: the task has no decoder
NReservoirs = Annotated[int, Field(ge=0, le=MAX_DEPTH)]
Interleaving = Annotated[
    str, AfterValidator(_check_interleaving), WithJsonSchema({"enum": list(INTERLEAVINGS)})
]
Sharing = Annotated[
    str,
    AfterValidator(check_sharing),
    WithJsonSchema(names_or_pattern(PLAIN_RULES, f"^{LEARNED_RULE}$")),
]
ReservoirSharing = Annotated[
    str,
    AfterValidator(check_reservoir_sharing),
    WithJsonSchema(names_or_pattern(PLAIN_RULES, f"^{RESERVOIR_RULE}$")),
]
ReservoirKind = Annotated[
    str, AfterValidator(_check_reservoir_kind), WithJsonSchema({"enum": list(reservoir_letters())})
]
DecoderKind = Annotated[
    str, AfterValidator(_check_decoder_kind), WithJsonSchema({"enum": _decoder_kinds()})
]
HyperName = Annotated[str, AfterValidator(_check_hyper)]
