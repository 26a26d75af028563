"""What references score after tokenising and back, alone and through a dictionary."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sacrebleu.metrics.bleu import BLEU as SacreBLEU  # noqa: N811

from spaces.errors import UserError

TOLD_BELOW = 99.0
REFUSED_BELOW = 95.0
_N_COMPARED = 300  # sentences whose lost characters are looked for
_N_TOLD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """BLEU of the references after tokenising and back, and the characters it cost most."""

    bleu: float
    lost: tuple[tuple[str, int], ...]  # characters with the number of their losses

    def __str__(self) -> str:
        if self.bleu >= TOLD_BELOW or not self.lost:
            return f"{self.bleu:.2f} BLEU"
        named = ", ".join(f"{_named(character)} {n:,} times" for character, n in self.lost)
        return f"{self.bleu:.2f} BLEU; these characters, or spaces at them, are lost: {named}"

    def require(self, *, lossy: bool) -> None:
        """Check that a perfect translation can come near 100.

        Raises:
            UserError: it cannot, and the user did not say that this is right.
        """
        if self.bleu < REFUSED_BELOW and not lossy:
            raise UserError(
                f"--tokenizer: the references score only {self} after tokenising and back; "
                "SentencePiece learned on raw text (--tokenizer unigram) gives back all but "
                "characters that train lacks; or say --lossy"
            )


def round_trip(outputs: Sequence[str], references: Sequence[str], *, tokenizer: str) -> RoundTrip:
    """Compare ``references`` with themselves after tokenising and back.

    Args:
        references: in the case of the outputs.
        tokenizer: sacreBLEU's. Sentences of fewer than four words count here.
    """
    scorer = SacreBLEU(lowercase=False, tokenize=tokenizer, effective_order=True)
    lost: Counter[str] = Counter()
    changed = [pair for pair in zip(outputs, references, strict=True) if pair[0] != pair[1]]
    for output, reference in changed[:_N_COMPARED]:
        lost.update(_lost(output, reference))
    bleu = scorer.corpus_score(list(outputs), [list(references)]).score if changed else 100.0
    return RoundTrip(bleu=float(bleu), lost=tuple(lost.most_common(_N_TOLD)))


def with_unknown(lines: Sequence[str], known: Container[str], *, mark: str) -> list[str]:
    """Units of each line as a model can write them: ``mark`` for those that are not known."""
    return [" ".join(unit if unit in known else mark for unit in line.split()) for line in lines]


def _lost(output: str, reference: str) -> list[str]:
    """Characters of ``reference`` that are others in ``output``; for a space, the mark beside."""
    lost = []
    matcher = SequenceMatcher(a=reference, b=output, autojunk=False)
    for kind, start, end, at, to in matcher.get_opcodes():
        if kind == "equal":
            continue
        letters = reference[start:end].split()
        if letters:
            lost += [character for word in letters for character in word]
        elif output[at:to].isspace() or end > start:
            beside = reference[max(start - 1, 0) : start] + reference[end : end + 1]
            marks = [character for character in beside if not character.isalnum()]
            lost.append((marks or [" "])[-1])
    return lost


def _named(character: str) -> str:
    name = unicodedata.name(character, "without a name").lower()
    return f"{character!r} (U+{ord(character):04X}, {name})"
