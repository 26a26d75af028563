"""Types of the values on a search space's axes, and the rules that each must keep."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from spaces.faults import did_you_mean
from spaces.interleaving import INTERLEAVINGS
from spaces.kinds import listed, reservoir_letters
from spaces.layout import MAX_DEPTH
from spaces.sharing import check_sharing


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


Depth = Annotated[int, Field(ge=1, le=MAX_DEPTH)]
DecoderDepth = Annotated[int, Field(ge=0, le=MAX_DEPTH)]  # 0: the task has no decoder
NReservoirs = Annotated[int, Field(ge=0, le=MAX_DEPTH)]
Interleaving = Annotated[str, AfterValidator(_check_interleaving)]
Sharing = Annotated[str, AfterValidator(check_sharing)]
ReservoirKind = Annotated[str, AfterValidator(_check_reservoir_kind)]
HyperName = Annotated[str, AfterValidator(_check_hyper)]
