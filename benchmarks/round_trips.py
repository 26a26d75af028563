"""BLEU of sentences against themselves after tokenising and back, by language.

python -m benchmarks.round_trips de=FILE hi=FILE …: besides those of our own in ``sentences/``,
the last 1,000 lines of each file, plain or .gz.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sacremoses import MosesDetokenizer, MosesTokenizer

from trainable.characters import is_unspaced, lowered, normal
from trainable.data import bpe
from trainable.data.blobs import read_blob
from trainable.data.lines import lines_of
from trainable.data.moses import Moses
from trainable.data.pieces import SentencePieces, learn_sentencepiece
from trainable.data.roundtrip import round_trip
from trainable.metrics.by_language import bleu_tokenizer

OWN = Path(__file__).parent / "sentences"
N_LINES = 1_000
N_MERGES = 2_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", metavar="LANGUAGE=FILE")
    given = dict(argument.split("=", 1) for argument in parser.parse_args().files)
    places = {path.stem: path for path in OWN.glob("*.txt")} | {
        language: Path(path) for language, path in given.items()
    }
    print("| language | sentences | BLEU by | sacremoses alone | Moses | default |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for language, path in sorted(places.items()):
        lines = [normal(line) for line in lines_of(read_blob(path))]
        print(row(language, [line for line in lines if line][-N_LINES:]), flush=True)


def row(language: str, lines: list[str]) -> str:
    """Row of the table: BLEU in lower case after three ways of tokenising and back."""
    references = [lowered(line, language) for line in lines]
    tokenizer = bleu_tokenizer(language)
    words = with_moses(lines, language)
    default = with_sentencepiece(references) if is_unspaced(language) else words
    # As earlier versions scored: lower case and words of English, whatever the language.
    before = round_trip(sacremoses_alone(lines, language), references, tokenizer=tokenizer)
    scores = [round_trip(outputs, references, tokenizer=tokenizer) for outputs in (words, default)]
    values = " | ".join(f"{trip.bleu:.1f}" for trip in (before, *scores))
    return f"| {language} | {len(lines):,} | `{tokenizer}` | {values} |"


def sacremoses_alone(lines: list[str], language: str) -> list[str]:
    """Lines after sacremoses' own rules and Unicode's lower case, and back."""
    tokenizer, detokenizer = MosesTokenizer(lang=language), MosesDetokenizer(lang=language)
    return [
        str(detokenizer.detokenize(str(tokens).lower().split(), unescape=True))
        for tokens in (tokenizer.tokenize(line, return_str=True) for line in lines)
    ]


def with_moses(lines: list[str], language: str) -> list[str]:
    """Lines after our Moses and BPE, and back."""
    moses = Moses(language)
    words = [moses.tokenise(line) for line in lines]
    segment = bpe.segmenter(bpe.learn(words, n_merges=N_MERGES)).segment
    return [moses.detokenise(bpe.join(segment(line))) for line in words]


def with_sentencepiece(references: list[str]) -> list[str]:
    """Lines after SentencePiece, and back."""
    model = learn_sentencepiece(references, model_type="unigram", n_pieces=N_MERGES)
    pieces = SentencePieces(model)
    return [pieces.join(pieces.segment(line)) for line in references]


if __name__ == "__main__":
    main()
