"""The embedded corpus of documents and summaries: sentences, and the short form of the first."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from trainable.data.corpus import Pairs, ParallelText, SummaryLengths, from_raw
from trainable.data.documents import DOCUMENT_LENGTH, sides_of
from trainable.data.grammar.clause import Nominal, Phrase, Sentence, sample_sentence
from trainable.data.grammar.english import english
from trainable.data.grammar.splits import Item, drawn_splits

MAX_SENTENCES = 3


def short_form(sentence: Sentence) -> Sentence:
    """Main clause of a sentence without adjectives, relative clauses, place and time."""
    main = sentence.main
    short = replace(
        main,
        subject=_bare(main.subject),
        direct=main.direct and _bare(main.direct),
        indirect=main.indirect and _bare(main.indirect),
        place=None,
        time=None,
        front="subject",
    )
    return Sentence(main=short, question=sentence.question)


def _bare(nominal: Nominal) -> Nominal:
    if isinstance(nominal, Phrase):
        return replace(nominal, adjective=None, relative=None)
    return nominal


def grammar_summaries(
    *, seed: int = 1, n_train: int = 20_000, n_valid: int = 500, n_test: int = 500
) -> ParallelText:
    """Corpus of English documents of one to three sentences of the embedded grammar.

    The summary is the short form of the first sentence. No document of valid or test occurs in
    another split; short forms can.
    """
    sizes = {"n_train": n_train, "n_valid": n_valid, "n_test": n_test}
    splits = drawn_splits(_documents, seed=seed, **sizes)
    src, tgt = sides_of("en")
    return ParallelText(
        name="grammar",
        src=src,
        tgt=tgt,
        seed=seed,
        splits={
            name: from_raw(
                Pairs(src=[text for text, _ in pairs], tgt=[short for _, short in pairs]),
                src=src,
                tgt=tgt,
            )
            for name, pairs in splits.items()
        },
        licence="MIT, as the generator is",
        summaries=SummaryLengths(document=DOCUMENT_LENGTH),
    )


def _documents(rng: random.Random) -> Iterator[Item]:
    while True:
        sentences = [sample_sentence(rng) for _ in range(rng.randint(1, MAX_SENTENCES))]
        yield " ".join(map(english, sentences)), english(short_form(sentences[0]))
