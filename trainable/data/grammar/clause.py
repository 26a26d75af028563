"""Meanings of sentences, independent of the two languages, and their random sampling."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from trainable.data.grammar.lexicon import (
    ADJECTIVES,
    ANIMALS,
    CONJUNCTIONS,
    MODALS,
    OBJECTS,
    PEOPLE,
    PLACES,
    PRONOUNS,
    TIMES,
    VERBS,
    Adjective,
    Conjunction,
    Frame,
    Modal,
    Noun,
    Pronoun,
    Time,
    Verb,
)

Determiner = Literal["the", "a", "my", "our", "this", "every", "two", "three", "none"]
Front = Literal["subject", "time", "place", "object"]
T = TypeVar("T")

_SINGULAR: tuple[Determiner, ...] = ("the", "a", "my", "this", "our", "every")
_PLURAL: tuple[Determiner, ...] = ("the", "none", "two", "my", "this", "our", "three")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Noun phrase; ``relative`` is its relative clause, without the subject."""

    noun: Noun
    plural: bool
    determiner: Determiner
    adjective: Adjective | None = None
    relative: Clause | None = None


Nominal = Phrase | Pronoun


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Agent, action, objects, place and time of a sentence."""

    subject: Nominal
    verb: Verb
    direct: Nominal | None = None  # accusative
    indirect: Nominal | None = None  # dative
    place: Phrase | None = None
    time: Time | None = None
    modal: Modal | None = None
    past: bool = False
    negated: bool = False
    front: Front = "subject"  # constituent before the German verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A main clause, perhaps a question, perhaps with one clause below it."""

    main: Clause
    question: bool = False
    conjunction: Conjunction | None = None  # None with a subordinate: that, dass
    subordinate: Clause | None = None
    subordinate_first: bool = False


def pick(rng: random.Random, words: Sequence[T]) -> T:
    """Random one of ``words``; the n-th (from 0) has the weight 1 / (n + 3)."""
    return rng.choices(words, [1 / (n + 3) for n in range(len(words))])[0]


def sample_sentence(rng: random.Random) -> Sentence:
    """Random meaning of a sentence."""
    kind = rng.random()
    if kind < 0.15:
        return Sentence(main=replace(_clause(rng), front="subject"), question=True)
    if kind < 0.30:
        main = replace(_bare_clause(rng, "clause"), time=None)
        return Sentence(main=main, subordinate=_clause(rng, relatives=False))
    if kind < 0.50:
        first = rng.random() < 0.5
        main = _clause(rng, relatives=False)
        return Sentence(
            main=replace(main, front="subject") if first else main,
            conjunction=pick(rng, CONJUNCTIONS),
            subordinate=_clause(rng, relatives=False),
            subordinate_first=first,
        )
    return Sentence(main=_clause(rng))


def _clause(rng: random.Random, *, relatives: bool = True) -> Clause:
    frames: tuple[Frame, ...] = ("accusative", "none", "both", "dative")
    frame = rng.choices(frames, (0.5, 0.25, 0.13, 0.12))[0]
    clause = _with_objects(rng, _bare_clause(rng, frame))
    if rng.random() < 0.25:
        clause = replace(clause, place=_phrase(rng, PLACES, articles=("the", "a", "this")))
    if relatives and isinstance(clause.subject, Phrase) and rng.random() < 0.12:
        clause = replace(clause, subject=_with_relative(rng, clause.subject))
    return replace(clause, front=_front(rng, clause))


def _bare_clause(rng: random.Random, frame: Frame) -> Clause:
    """Random clause with subject, verb, tense, modal, negation and time only."""
    subject: Nominal
    if rng.random() < 0.3:
        subject = pick(rng, PRONOUNS)
    else:
        subject = _phrase(rng, PEOPLE if rng.random() < 0.8 else ANIMALS)
    past = rng.random() < 0.35
    modal = pick(rng, MODALS) if rng.random() < 0.2 else None
    if modal is not None and modal.past_singular is None:
        past = False
    tense = "past" if past else "present"
    times = [time for time in TIMES if time.tense in (None, tense)]
    return Clause(
        subject=subject,
        verb=pick(rng, VERBS[frame]),
        past=past,
        modal=modal,
        negated=rng.random() < 0.18,
        time=pick(rng, times) if rng.random() < 0.35 else None,
    )


def _with_objects(rng: random.Random, clause: Clause) -> Clause:
    verb = clause.verb
    direct: Nominal | None = None
    indirect: Nominal | None = None
    if verb.frame in ("accusative", "both"):
        nouns = [noun for noun in OBJECTS if noun.tags & verb.objects]
        direct = _phrase(rng, nouns)
        if verb.objects == {"person"} and rng.random() < 0.3:
            direct = _other_pronoun(rng, clause.subject)
    if verb.frame in ("dative", "both"):
        indirect = _phrase(rng, PEOPLE)
        if rng.random() < 0.3:
            indirect = _other_pronoun(rng, clause.subject)
    return replace(clause, direct=direct, indirect=indirect)


def _other_pronoun(rng: random.Random, subject: Nominal) -> Pronoun:
    """Random pronoun other than the subject's person: "we see us" is not a sentence."""
    first = isinstance(subject, Pronoun) and subject.person == 1
    return pick(rng, [word for word in PRONOUNS if not (first and word.person == 1)])


def _with_relative(rng: random.Random, subject: Phrase) -> Phrase:
    inner = _with_objects(rng, _bare_clause(rng, rng.choice(("accusative", "none"))))
    return replace(subject, relative=replace(inner, subject=subject, time=None))


def _phrase(
    rng: random.Random, nouns: Sequence[Noun], *, articles: Sequence[Determiner] | None = None
) -> Phrase:
    """Random noun phrase; with ``articles`` it is singular and has one of them."""
    noun = pick(rng, nouns)
    plural = articles is None and rng.random() < 0.3
    fitting = [word for word in ADJECTIVES if word.tags & noun.tags]
    return Phrase(
        noun=noun,
        plural=plural,
        determiner=pick(rng, articles or (_PLURAL if plural else _SINGULAR)),
        adjective=pick(rng, fitting) if rng.random() < 0.25 else None,
    )


def _front(rng: random.Random, clause: Clause) -> Front:
    choice = rng.random()
    if clause.time is not None and choice < 0.45:
        return "time"
    if clause.place is not None and choice < 0.35:
        return "place"
    if choice > 0.9 and _case_tells(clause):
        return "object"
    return "subject"


def _case_tells(clause: Clause) -> bool:
    """True if the case of a fronted object is visible in German."""
    direct, subject = clause.direct, clause.subject
    return (
        isinstance(direct, Phrase)
        and isinstance(subject, Phrase)
        and not direct.plural
        and direct.noun.gender == "m"
        and direct.determiner in ("the", "a", "this", "my", "our", "every")
        and not (clause.negated and direct.determiner == "a")
        and clause.indirect is None
    )
