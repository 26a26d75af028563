"""The embedded corpora in one language: English sentences, with or without their kinds."""

from __future__ import annotations

import random
from collections.abc import Iterator

from trainable.data.corpus import Split
from trainable.data.grammar.clause import Sentence, sample_sentence
from trainable.data.grammar.english import english
from trainable.data.grammar.splits import Item, drawn_splits
from trainable.data.sentences import Sentences, sentence_split


def kind_of(sentence: Sentence) -> str:
    """Kind of a sentence: its form, and the tense and negation of its main clause.

    The forms are question, statement, reported (a clause with "that") and compound (with a
    conjunction). Tense and negation of another clause in the sentence do not count.
    """
    if sentence.question:
        form = "question"
    elif sentence.subordinate is None:
        form = "statement"
    else:
        form = "reported" if sentence.conjunction is None else "compound"
    tense = "past" if sentence.main.past else "present"
    return f"{form}-{tense}{'-negated' * sentence.main.negated}"


def grammar_sentences(
    *,
    seed: int = 1,
    n_train: int = 20_000,
    n_valid: int = 500,
    n_test: int = 500,
    with_kinds: bool,
) -> Sentences:
    """Corpus of English sentences of the embedded grammar, labelled by ``kind_of`` or not.

    No sentence of valid or test occurs in another split; train can contain repeats.
    """
    sizes = {"n_train": n_train, "n_valid": n_valid, "n_test": n_test}
    splits = drawn_splits(_sentences, seed=seed, **sizes)
    return Sentences(
        name="grammar",
        language="en",
        has_labels=with_kinds,
        seed=seed,
        splits={name: _split(chosen, with_kinds) for name, chosen in splits.items()},
        licence="MIT, as the generator is",
    )


def _sentences(rng: random.Random) -> Iterator[Item]:
    while True:
        sentence = sample_sentence(rng)
        yield english(sentence), kind_of(sentence)


def _split(chosen: list[Item], with_kinds: bool) -> Split:
    kinds = [kind for _, kind in chosen] if with_kinds else None
    return sentence_split([text for text, _ in chosen], language="en", labels=kinds)
