"""Subword tokens of a corpus: the units, learned or given, and the corpus in them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spaces.errors import UserError
from trainable.characters import lowered
from trainable.data import bpe
from trainable.data.corpus import Pairs, ParallelText, Split, hyphen_mark
from trainable.data.hyphens import HyphenMark
from trainable.data.manifest import TokenizerInfo
from trainable.data.moses import with_own_rules
from trainable.data.pieces import (
    BpePieces,
    GivenPieces,
    Pieces,
    SentencePieces,
    given_pieces,
    learn_sentencepiece,
)
from trainable.data.sentences import Sentences
from trainable.data.stored_lines import NewLines, collected
from trainable.data.tokenisation import Tokenisation
from trainable.data.tokenizer import Tokenizer

log = logging.getLogger(__name__)

MAX_MODEL_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """Subword units of a corpus, as its prepared folder describes them."""

    info: TokenizerInfo
    pieces: Pieces
    content: bytes  # of the folder's file with the units; empty where there is none
    src: str
    tgt: str
    is_done: bool  # the given text is in these units already

    def save(self, folder: Path) -> None:
        """Write the units into a prepared folder."""
        for name in self.info.files:
            (folder / name).write_bytes(self.content)

    def segmented(self, split: Split, new_lines: NewLines = list) -> Pairs:
        """Sentences of ``split`` in subword units."""
        whole = _text(split, self.info)
        segment = GivenPieces().segment if self.is_done else self.pieces.segment
        src = (segment(self._cased(line, self.src)) for line in whole.src)
        tgt = (segment(self._cased(line, self.tgt)) for line in whole.tgt)
        return Pairs(src=collected(src, new_lines), tgt=collected(tgt, new_lines))

    def sources(self, split: Split) -> list[str]:
        """Source sentences of ``split`` in subword units."""
        lines = _text(split, self.info).src
        return [self.pieces.segment(self._cased(line, self.src)) for line in lines]

    def target(self) -> Tokenizer:
        """Tokenizer of the target language."""
        return Tokenizer(language=self.tgt, info=self.info, pieces=self.pieces)

    def _cased(self, line: str, language: str) -> str:
        return lowered(line, language) if self.info.lower_case else line


def make_segmentation(
    corpus: ParallelText | Sentences, tokenisation: Tokenisation, *, n_merges: int
) -> Segmentation:
    """The units that ``tokenisation`` asks for, learned on train or read from its file.

    Raises:
        UserError: they cannot be learned or read, or do not fit the form of the text.
    """
    kind = tokenisation.kind_for(*corpus.languages)
    if _has_unknown_units(corpus, tokenisation):
        info, content = _unknown_units(corpus, tokenisation), b""
    elif kind == "moses":
        info, content = _moses(corpus, tokenisation, n_merges)
    elif corpus.form not in ("raw", "pieces"):
        raise UserError(
            f"--tokenizer {kind}: SentencePiece takes raw text, and this is {corpus.form}; "
            "give raw text, or --tokenizer moses"
        )
    else:
        info, content = _sentencepiece(corpus, tokenisation, n_merges, kind)
    return Segmentation(
        info=info,
        pieces=_pieces(info, content, tokenisation),
        content=content,
        src=corpus.languages[0],
        tgt=corpus.languages[-1],
        is_done=corpus.form in ("segmented", "pieces"),
    )


def _has_unknown_units(corpus: ParallelText | Sentences, tokenisation: Tokenisation) -> bool:
    """True if the text is in units whose codes or model were not given.

    Raises:
        UserError: codes were given for SentencePiece's units.
    """
    if corpus.form == "pieces" and tokenisation.bpe_codes is not None:
        raise UserError(
            f"--bpe-codes {tokenisation.bpe_codes}: the text is in units of SentencePiece; give "
            "--sentencepiece-model, or --remove-bpe subword_nmt if that is wrong"
        )
    known = {"segmented": tokenisation.bpe_codes, "pieces": tokenisation.sentencepiece_model}
    return corpus.form in known and known[corpus.form] is None


def _unknown_units(corpus: ParallelText | Sentences, tokenisation: Tokenisation) -> TokenizerInfo:
    return TokenizerInfo(
        kind="none",
        lower_case=not tokenisation.cased,
        bpe_merges=0,
        sentencepiece="given" if corpus.form == "pieces" else None,
        own_rules=() if corpus.form == "pieces" else with_own_rules(*corpus.languages),
        hyphen_mark=_hyphen_mark(corpus),
    )


def _moses(
    corpus: ParallelText | Sentences, tokenisation: Tokenisation, n_merges: int
) -> tuple[TokenizerInfo, bytes]:
    lower_case, given = not tokenisation.cased, tokenisation.bpe_codes
    if given is not None:
        codes = _given(given, "--bpe-codes").decode("utf-8", errors="replace")
    else:
        log.info("bpe_merges=%d learning", n_merges)
        info = TokenizerInfo(lower_case=lower_case, bpe_merges=0)
        codes = bpe.learn(_training_lines(corpus, info), n_merges=n_merges)
    info = TokenizerInfo(
        lower_case=lower_case,
        bpe_merges=max(bpe.count_merges(codes), 0),
        given_codes=given is not None,
        own_rules=with_own_rules(*corpus.languages),
        hyphen_mark=_hyphen_mark(corpus),
    )
    return info, codes.encode()


def _hyphen_mark(corpus: ParallelText | Sentences) -> HyphenMark | None:
    """The mark of hyphens in given tokens."""
    if corpus.form not in ("tokenised", "segmented"):
        return None
    return hyphen_mark(corpus.splits["train"].tokens)


def _sentencepiece(
    corpus: ParallelText | Sentences, tokenisation: Tokenisation, n_pieces: int, model_type: str
) -> tuple[TokenizerInfo, bytes]:
    lower_case, given = not tokenisation.cased, tokenisation.sentencepiece_model
    made = "given" if given is not None else ("bpe" if model_type == "bpe" else "unigram")
    info = TokenizerInfo.model_validate(
        {
            "kind": "sentencepiece",
            "lower_case": lower_case,
            "bpe_merges": 0,
            "sentencepiece": made,
        }
    )
    if given is not None:
        return info, _given(given, "--sentencepiece-model")
    log.info("pieces=%d learning", n_pieces)
    lines = _training_lines(corpus, info)
    return info, learn_sentencepiece(lines, model_type=model_type, n_pieces=n_pieces)


def _pieces(info: TokenizerInfo, content: bytes, tokenisation: Tokenisation) -> Pieces:
    try:
        return pieces_of(info, content)
    except ValueError as error:
        place = tokenisation.bpe_codes or tokenisation.sentencepiece_model
        raise UserError(f"{place}: cannot be used ({error}); give another file") from error


def pieces_of(info: TokenizerInfo, content: bytes) -> Pieces:
    """Units of a tokenizer, from the content of its file.

    Raises:
        ValueError: the content is none of that kind.
    """
    match info.kind:
        case "moses":
            return BpePieces(content.decode())
        case "sentencepiece":
            return SentencePieces(content)
        case "none":
            return given_pieces(sentencepiece=info.has_spaces)


def _given(path: Path, option: str) -> bytes:
    """Content of a file that the user gave.

    Raises:
        UserError: it cannot be read, or is too large to be such a file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{option} {path}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_MODEL_BYTES:
        raise UserError(f"{option} {path}: has more than {MAX_MODEL_BYTES} bytes, the limit")
    return content


def _training_lines(corpus: ParallelText | Sentences, info: TokenizerInfo) -> Iterator[str]:
    whole = _text(corpus.splits["train"], info)
    # The other side of sentences in one language holds their labels.
    for lines, language in zip((whole.src, whole.tgt), corpus.languages, strict=False):
        for line in lines:
            yield lowered(line, language) if info.lower_case else line


def _text(split: Split, info: TokenizerInfo) -> Pairs:
    """Text that units are made of: words, or for SentencePiece raw sentences."""
    return split.raw if info.kind == "sentencepiece" else split.tokens
