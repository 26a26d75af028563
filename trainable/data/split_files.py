"""Files of a corpus by the splits that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from trainable.data.manifest import SplitName

Part = TypeVar("Part")  # a file, or what stands for some files


@dataclass(frozen=True, kw_only=True)  # with slots, Python 3.11 cannot call SplitFiles[Part]
class SplitFiles(Generic[Part]):
    """Parts of the splits; None: the split is held out from train."""

    train: tuple[Part, ...]  # one behind the other
    valid: Part | None = None
    test: Part | None = None

    def given(self) -> dict[SplitName, tuple[Part, ...]]:
        """The parts by the names of their splits."""
        given: dict[SplitName, tuple[Part, ...]] = {"train": self.train}
        if self.valid is not None:
            given["valid"] = (self.valid,)
        if self.test is not None:
            given["test"] = (self.test,)
        return given
