"""The manifest of a prepared folder: contents, sources, and preparation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from spaces.errors import DamagedData
from spaces.faults import fault_lines
from trainable.characters import base_language
from trainable.data.bounded import read_values
from trainable.data.hyphens import HyphenMark
from trainable.data.losses import Losses
from trainable.data.own_files import require_own_files
from trainable.metrics.names import DataMetric

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")
FILE_NAME = "manifest.json"
BPE_CODES = "bpe.codes"
INPUT, LABEL = "input0", "label"  # folders that fairseq's `sentence_prediction` reads
SENTENCEPIECE_MODEL = "sentencepiece.model"
LANGUAGE = r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$"  # strict, since it is part of file names

MAX_POSITIONS = 1024  # of a sequence and its end; fairseq's own limit
_FIRST_METRIC = ("BLEU", "13a")

Language = Annotated[str, Field(pattern=LANGUAGE, description="a language's code, as de or pt-BR")]
Labels = Annotated[tuple[str, ...], Field(min_length=2)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Record):
    """Source file of the corpus; ``place`` is its URL or its name."""

    place: str
    sha256: str
    n_bytes: Count


class SplitCounts(_Record):
    """Size of one split; tokens are BPE tokens, ends of sentences included."""

    n_sentences: Count
    n_tokens_src: Count
    n_tokens_tgt: Count = 0


class DictionaryRows(_Record):
    """Entries of the dictionaries; ``joined`` if both sides share one dictionary."""

    src: Count
    tgt: Count = 0
    joined: bool = False

    def __str__(self) -> str:
        return f"{self.src:,} and {self.tgt:,}" if self.tgt else f"{self.src:,}"


class TokenizerInfo(_Record):
    """Tokenisation of a corpus: raw text, always in Unicode's form NFC, to tokens.

    Folders of earlier versions have Moses and BPE, in lower case.
    """

    kind: Literal["moses", "sentencepiece", "none"] = "moses"  # none: tokens as given
    moses: Literal["sacremoses, entities escaped, no aggressive hyphen splitting"] = (
        "sacremoses, entities escaped, no aggressive hyphen splitting"
    )
    # Languages with rules of ours that earlier versions left to sacremoses, as Finnish.
    own_rules: tuple[Language, ...] = ()
    hyphen_mark: HyphenMark | None = None  # of the given tokens, which parts compounds
    lower_case: bool = True
    bpe_merges: int = Field(ge=0)  # merges learned jointly on train; can be fewer than requested
    # How SentencePiece's model was made; with the kind none its units were given without it.
    sentencepiece: Literal["unigram", "bpe", "given"] | None = None
    given_codes: bool = False  # the BPE codes, or none, were given rather than learned

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that raw text is tokenised with."""
        match self.kind:
            case "sentencepiece":
                return (SENTENCEPIECE_MODEL,)
            case "moses":
                return (BPE_CODES,)
            case "none":
                return ()

    @property
    def has_spaces(self) -> bool:
        """True if the units hold the spaces too, as SentencePiece's do."""
        return self.kind == "sentencepiece" or self.sentencepiece is not None

    def __str__(self) -> str:
        case = "lower case" if self.lower_case else "cased"
        given = " (given)" if self.given_codes else ""
        match self.kind:
            case "sentencepiece":
                return f"SentencePiece ({self.sentencepiece}); {case}"
            case "moses":
                words: str = self.moses
                if self.hyphen_mark is not None:
                    parted = f"compounds parted by {self.hyphen_mark}"
                    words = words.replace("no aggressive hyphen splitting", parted)
                languages = sorted({base_language(language) for language in self.own_rules})
                own = f"; own rules for {' and '.join(languages)}" if languages else ""
                return f"{words}{own}; {case}; {self.bpe_merges} BPE merges{given}"
            case "none":
                return f"as given{' (SentencePiece)' if self.has_spaces else ''}; {case}"


class MetricInfo(_Record):
    """Metric that translations or summaries are scored with."""

    name: DataMetric = "BLEU"
    bleu_tokenizer: str | None = "13a"  # sacreBLEU's; None where the metric has none
    signature: str  # with the version of the library that was there when the data were prepared


class Lengths(_Record):
    """Greatest lengths in subword tokens, without the end; longer documents are cut."""

    document: Annotated[int, Field(ge=1, lt=MAX_POSITIONS)]
    summary: Annotated[int, Field(ge=1, lt=MAX_POSITIONS)]


class UnknownUnits(_Record):
    """References of valid and test with units that the target's dictionary lacks."""

    n_references: Count
    of: Count
    roundtrip_bleu: float  # of all references, with ``<unk>`` for these units

    def __str__(self) -> str:
        return (
            f"{self.roundtrip_bleu:.2f} BLEU; {self.n_references:,} of {self.of:,} have units "
            "that it lacks"
        )


class TeacherInfo(_Record):
    """Model whose outputs are the targets of train, in the place of the references."""

    encoder: str  # layouts
    decoder: str
    weights_sha256: str
    beam: Annotated[int, Field(ge=1)]
    data_digest: str  # of the data whose training sources it translated
    score_valid: float  # by the data's metric, with the same beam

    def __str__(self) -> str:
        return (
            f"outputs of a model of encoder {self.encoder}, decoder {self.decoder}, "
            f"beam {self.beam}, which scores {self.score_valid:.2f} on validation"
        )


class Manifest(_Record):
    """Description of a prepared folder, stored in it as ``manifest.json``."""

    task: str = "translation"  # as ``TASKS`` names it; absent in folders of earlier versions
    corpus: str
    src: Language
    tgt: Language | None = None  # None: the text is in one language
    labels: Labels | None = None  # of the sentences, in the order of their numbers
    seed: int | None = None  # None unless the corpus was generated or split at random
    sources: Annotated[tuple[Source, ...], FailFast()]
    counts: Mapping[SplitName, SplitCounts]
    dictionary: DictionaryRows
    tokenizer: TokenizerInfo
    lengths: Lengths | None = None  # of documents and summaries alone
    metric: MetricInfo | None = None  # earlier versions wrote none: BLEU, tok:13a
    majority_share: float | None = None  # percent of valid that has its most frequent label
    # Of the references of valid as outputs for other examples; earlier versions wrote none.
    mismatched_score: float | None = None
    roundtrip_bleu: float | None = None  # of the references, after tokenising and back
    unknown_units: UnknownUnits | None = None  # earlier versions wrote none
    losses: Losses | None = None  # earlier versions wrote none
    teacher: TeacherInfo | None = None  # of `data distill`; None: train has the references
    licence: str
    versions: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of a prepared folder or of an export.

        Raises:
            DamagedData: there is none, or it cannot be read.
        """
        path = folder / FILE_NAME
        require_own_files(folder, [FILE_NAME])
        try:
            manifest = cls.model_validate_json(read_values(path))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DamagedData(
                f"{folder}: holds no {FILE_NAME}, so it is no prepared data; "
                "prepare it with: reservoir-search data"
            ) from error
        except OSError as error:
            raise DamagedData(f"{path}: cannot be read ({error.strerror})") from error
        except ValidationError as error:
            fault = fault_lines(error, cls)[0]
            raise DamagedData(f"{path}: {fault}; prepare the folder again") from error
        return manifest

    def check_files(self, folder: Path) -> None:
        """Check that all files of the manifest are in ``folder``.

        Raises:
            DamagedData: one is missing.
            UserError: one is a link or no plain file.
        """
        for name in self.file_names():
            if not (folder / name).is_file():
                raise DamagedData(f"{folder}: {name} is missing; prepare the folder again")
        require_own_files(folder, self.file_names(), max_bytes=None)

    @property
    def sides(self) -> tuple[str, str]:
        """Source and target language of sentence pairs.

        Raises:
            DamagedData: the manifest names one language alone.
        """
        if self.tgt is None:
            raise DamagedData(
                f"{self.corpus}: its {FILE_NAME} names no target language; prepare the folder again"
            )
        return self.src, self.tgt

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest without licence and versions: equal for equal prepared data."""
        excluded = {"licence", "versions", "majority_share", "losses"}
        excluded |= {"mismatched_score", "roundtrip_bleu", "unknown_units"}
        # Values of earlier versions, which did not write them, keep their digests.
        if self.metric is None or (self.metric.name, self.metric.bleu_tokenizer) == _FIRST_METRIC:
            excluded.add("metric")
        if self.lengths is None:
            excluded.add("lengths")
        if self.teacher is None:
            excluded.add("teacher")
        if self.task == "translation":
            # keeps the digests of folders of earlier versions, without task
            excluded |= {"task", "labels"}
        first = TokenizerInfo(bpe_merges=0)
        unchanged = {
            name
            for name in ("kind", "own_rules", "hyphen_mark", "sentencepiece", "given_codes")
            if getattr(self.tokenizer, name) == getattr(first, name)
        }
        text = self.model_dump_json(
            exclude={"metric": {"signature"}, "tokenizer": unchanged}
            | dict.fromkeys(excluded, True)
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write the manifest into ``folder``."""
        text = self.model_dump_json(indent=2)
        (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")

    @property
    def subject(self) -> str:
        """Description of the data for messages, beside the corpus's name: its languages."""
        if self.tgt is not None:
            return f"{self.src} to {self.tgt}"
        n_labels = "" if self.labels is None else f", {len(self.labels)} labels"
        return f"{self.src}{n_labels}"

    def facts(self) -> list[tuple[str, str]]:
        """Facts of the manifest for tables, as names and values, without the sources."""
        counts, rows, tokens = self.counts, self.dictionary, self.tokenizer
        train = counts["train"]
        sentences = (
            f"{train.n_sentences:,} training, {counts['valid'].n_sentences:,} validation, "
            f"{counts['test'].n_sentences:,} test"
        )
        return [
            ("Corpus", f"{self.corpus}, {self.subject}"),
            ("Sentences", sentences),
            ("Training tokens (BPE)", self._sides(train.n_tokens_src, train.n_tokens_tgt)),
            ("Dictionary", f"{rows} entries{', joined' if rows.joined else ''}"),
            *([] if self.labels is None else [("Labels", ", ".join(self.labels))]),
            *([] if self.teacher is None else [("Training targets", str(self.teacher))]),
            ("Tokens", str(tokens)),
            *(
                []
                if self.roundtrip_bleu is None
                else [("References, tokenised and back", f"{self.roundtrip_bleu:.2f} of 100")]
            ),
            ("Seed", "none" if self.seed is None else str(self.seed)),
            ("Licence", self.licence),
        ]

    def _sides(self, n_src: int, n_tgt: int) -> str:
        return f"{n_src:,}" if self.tgt is None else f"{n_src:,} source, {n_tgt:,} target"

    def file_names(self) -> tuple[str, ...]:
        """Names of the files of a prepared folder, without the manifest.

        They are those that fairseq's tasks look for: `translation`, `sentence_prediction` for
        sentences with labels, `masked_lm` for text in one language.
        """
        if self.tgt is None:
            places = (INPUT, LABEL) if self.labels is not None else ("",)
            return (
                *self.tokenizer.files,
                *(name for place in places for name in _files_in(place)),
            )
        sides = (self.src, self.tgt)
        return (
            *self.tokenizer.files,
            *(f"dict.{side}.txt" for side in sides),
            *(
                f"{split}.{self.src}-{self.tgt}.{side}.{end}"
                for split in SPLITS
                for side in sides
                for end in ("bin", "idx")
            ),
            *(raw_name(split, side) for split in ("valid", "test") for side in sides),
        )


def _files_in(place: str) -> tuple[str, ...]:
    """A dictionary and the binarised splits, in the folder ``place`` of a prepared one."""
    prefix = f"{place}/" if place else ""
    splits = (f"{prefix}{split}.{end}" for split in SPLITS for end in ("bin", "idx"))
    return (f"{prefix}dict.txt", *splits)


def raw_name(split: str, language: str) -> str:
    """Name of the file with a split's raw sentences, one per line."""
    return f"{split}.raw.{language}"
