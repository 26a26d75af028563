"""The user's own documents and their summaries, in one language; lengths of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spaces.errors import UserError
from trainable.data.blobs import Blob, read_blob
from trainable.data.corpus import Pairs, ParallelText, SummaryLengths, from_raw
from trainable.data.holdout import SEED, completed
from trainable.data.lines import lines_in, lines_of
from trainable.data.losses import Cut
from trainable.data.manifest import MAX_POSITIONS, SPLITS, Lengths, SplitName
from trainable.data.monolingual import require_language

MAX_LENGTH = MAX_POSITIONS - 1
DOCUMENT_LENGTH = 256  # where documents are cut unless the user says otherwise

# A file of documents and one of summaries, or None: the first has both, with a tab between them.
Files = tuple[Path, Path | None]


def documents(
    files: Mapping[SplitName, Files], *, language: str, lengths: SummaryLengths
) -> ParallelText:
    """Corpus of the user's documents and summaries, one of each a line, plain or .gz.

    A missing valid or test split is held out from train as that of ``text`` is.

    Args:
        files: of train, and of the other splits that are there.
        language: code of the language of both.
        lengths: where documents are cut, and the longest summary to decode.

    Raises:
        UserError: a file, the language or a length cannot be used, or train is too small to
            hold out from.
    """
    require_language("--language", language)
    require_lengths(lengths)
    blobs = {
        name: [read_blob(path) for path in paths if path is not None]
        for name, paths in files.items()
    }
    src, tgt = sides_of(language)
    splits = {
        name: from_raw(read_documents(*read), src=src, tgt=tgt) for name, read in blobs.items()
    }
    return ParallelText(
        name="summarise",
        src=src,
        tgt=tgt,
        seed=SEED if len(blobs) < len(SPLITS) else None,
        splits=completed(splits, unit="documents", of_documents=True),
        licence="the user's own text; its licence is not known here",
        sources=tuple(blob.source() for read in blobs.values() for blob in read),
        summaries=lengths,
    )


def sides_of(language: str) -> tuple[str, str]:
    """Names of documents and summaries, which take the place of two languages."""
    return "_".join((language, "document")), "_".join((language, "summary"))


def require_lengths(lengths: SummaryLengths) -> None:
    """Check that a model can take the lengths.

    Raises:
        UserError: it cannot.
    """
    for option, length in (
        ("--max-document", lengths.document),
        ("--max-summary", lengths.summary),
    ):
        if length is not None and not 1 <= length <= MAX_LENGTH:
            raise UserError(f"{option} {length}: must be from 1 to {MAX_LENGTH:,} tokens")


def read_documents(texts: Blob, summaries: Blob | None = None) -> Pairs:
    """Documents and summaries of two files, or of one with a tab between them.

    Raises:
        UserError: a line lacks its summary, or a file cannot be read as text.
    """
    if summaries is None:
        lines = [(n, line) for n, line in enumerate(lines_in(texts), start=1) if line.strip()]
        cells = [_cells(line, place=f"{texts.place}: line {n}") for n, line in lines]
        pairs = Pairs(src=[cell[0] for cell in cells], tgt=[cell[1] for cell in cells])
    else:
        src, tgt = lines_of(texts), lines_of(summaries)
        if len(src) != len(tgt):
            raise UserError(
                f"{texts.place} has {len(src)} lines and {summaries.place} has {len(tgt)}; "
                "line n of the second must be the summary of line n of the first"
            )
        pairs = Pairs(src=src, tgt=tgt)
    return pairs


def _cells(line: str, *, place: str) -> tuple[str, str]:
    cells = [" ".join(cell.split()) for cell in line.split("\t")]
    if len(cells) != 2:
        raise UserError(
            f"{place} has {len(cells) - 1} tabs; write a document, a tab and its summary, or "
            "give the summaries as a file of their own"
        )
    return cells[0], cells[1]


def cut_documents(
    segmented: Mapping[SplitName, Pairs], lengths: SummaryLengths | None
) -> tuple[Mapping[SplitName, Pairs], Cut | None]:
    """The splits with their documents cut, and how many were; unchanged without ``lengths``."""
    if lengths is None:
        return segmented, None
    cut = {
        name: Pairs(
            src=[" ".join(text.split()[: lengths.document]) for text in pairs.src], tgt=pairs.tgt
        )
        for name, pairs in segmented.items()
    }
    n_cut = {
        name: sum(map(str.__ne__, cut[name].src, pairs.src)) for name, pairs in segmented.items()
    }
    return cut, Cut(tokens=lengths.document, documents=n_cut)


def lengths_of(train: Pairs, lengths: SummaryLengths | None) -> Lengths | None:
    """Lengths for the manifest: the longest summary is that of ``train`` if it is not given."""
    if lengths is None:
        return None
    longest = max(len(summary.split()) for summary in train.tgt)
    return Lengths(document=lengths.document, summary=lengths.summary or min(longest, MAX_LENGTH))
