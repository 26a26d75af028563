from __future__ import annotations

import random
from itertools import product

import pytest

from trainable.data.corpus import ParallelText
from trainable.data.grammar.clause import Clause, Phrase, Sentence, sample_sentence
from trainable.data.grammar.corpus import grammar
from trainable.data.grammar.english import english
from trainable.data.grammar.german import adjective_ending, determiner_form, german, noun_form
from trainable.data.grammar.lexicon import (
    ADJECTIVES,
    CONJUNCTIONS,
    MODALS,
    NOUNS,
    PRONOUNS,
    TIMES,
    VERBS,
    Noun,
    Pronoun,
    Verb,
)

NOUN = {noun.german: noun for noun in NOUNS}
VERB = {verb.prefix + verb.infinitive: verb for verbs in VERBS.values() for verb in verbs}
TIME = {time.german: time for time in TIMES}
MODAL = {modal.singular: modal for modal in MODALS}
OLD = next(word for word in ADJECTIVES if word.german == "alt")


def the(noun: str, *, plural: bool = False) -> Phrase:
    return Phrase(noun=NOUN[noun], plural=plural, determiner="the")


def a(noun: str) -> Phrase:
    return Phrase(noun=NOUN[noun], plural=False, determiner="a")


def both(sentence: Sentence) -> tuple[str, str]:
    return german(sentence), english(sentence)


OPENS = Clause(subject=the("Mann"), verb=VERB["aufmachen"], direct=the("Fenster"))


@pytest.mark.parametrize(
    ("sentence", "de", "en"),
    [
        (Sentence(main=OPENS), "Der Mann macht das Fenster auf.", "The man opens the window."),
        (
            Sentence(
                main=Clause(subject=PRONOUNS[2], verb=VERB["wissen"]),
                subordinate=OPENS,
            ),
            "Ich weiß, dass der Mann das Fenster aufmacht.",
            "I know that the man opens the window.",
        ),
        (
            Sentence(
                main=Clause(
                    subject=the("Frau"),
                    verb=VERB["aufstehen"],
                    past=True,
                    time=TIME["gestern"],
                    front="time",
                )
            ),
            "Gestern ist die Frau aufgestanden.",
            "The woman got up yesterday.",
        ),
        (
            Sentence(
                main=Clause(
                    subject=the("Kind"), verb=VERB["sehen"], direct=a("Hund"), negated=True
                ),
                question=True,
            ),
            "Sieht das Kind keinen Hund?",
            "Does the child not see a dog?",
        ),
        (
            Sentence(
                main=Clause(subject=the("Frau"), verb=VERB["lachen"]),
                conjunction=CONJUNCTIONS[0],
                subordinate=Clause(
                    subject=the("Junge", plural=True),
                    verb=VERB["einschlafen"],
                    modal=MODAL["muss"],
                    negated=True,
                ),
                subordinate_first=True,
            ),
            "Weil die Jungen nicht einschlafen müssen, lacht die Frau.",
            "Because the boys do not have to fall asleep, the woman laughs.",
        ),
        (
            Sentence(
                main=Clause(
                    subject=the("Hund"),
                    verb=VERB["sehen"],
                    direct=Phrase(noun=NOUN["Junge"], plural=False, determiner="a", adjective=OLD),
                    front="object",
                )
            ),
            "Einen alten Jungen sieht der Hund.",
            "The dog sees an old boy.",
        ),
        (
            Sentence(
                main=Clause(
                    subject=the("Lehrer"),
                    verb=VERB["geben"],
                    indirect=the("Kind", plural=True),
                    direct=a("Apfel"),
                    place=the("Garten"),
                    front="place",
                )
            ),
            "Im Garten gibt der Lehrer den Kindern einen Apfel.",
            "The teacher gives the children an apple in the garden.",
        ),
        (
            Sentence(
                main=Clause(
                    subject=Phrase(
                        noun=NOUN["Mann"],
                        plural=False,
                        determiner="the",
                        relative=Clause(
                            subject=the("Mann"), verb=VERB["lesen"], direct=the("Buch")
                        ),
                    ),
                    verb=VERB["schlafen"],
                )
            ),
            "Der Mann, der das Buch liest, schläft.",
            "The man who reads the book sleeps.",
        ),
    ],
)
def test_a_clause_reads_as_a_speaker_of_each_language_would_write_it(
    sentence: Sentence, de: str, en: str
):
    assert both(sentence) == (de, en)


# A second witness of the declension, written as sentences are learned at school:
# the definite article, then "ein alt-", "der alt-" and plural, by case.
SCHOOL = {
    "m": ("der den dem", "ein alter|einen alten|einem alten", "der alte|den alten|dem alten"),
    "f": ("die die der", "eine alte|eine alte|einer alten", "die alte|die alte|der alten"),
    "n": ("das das dem", "ein altes|ein altes|einem alten", "das alte|das alte|dem alten"),
}
CASES = ("nominative", "accusative", "dative")


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.german)
def test_articles_and_adjectives_agree_in_gender_and_case(noun: Noun):
    articles, indefinite, definite = SCHOOL[noun.gender]
    for n, case in enumerate(CASES):
        for determiner, expected in (("a", indefinite), ("the", definite)):
            phrase = Phrase(noun=noun, plural=False, determiner=determiner, adjective=OLD)
            words = f"{determiner_form(phrase, case)} alt{adjective_ending(phrase, case)}"
            assert words == expected.split("|")[n]
        assert determiner_form(phrase, case) == articles.split()[n]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.german)
def test_plurals_agree_and_the_dative_plural_ends_in_n_or_s(noun: Noun):
    for determiner, article, ending in (
        ("the", ("die", "die", "den"), ("en", "en", "en")),
        ("two", ("zwei", "zwei", "zwei"), ("e", "e", "en")),
        ("my", ("meine", "meine", "meinen"), ("en", "en", "en")),
    ):
        phrase = Phrase(noun=noun, plural=True, determiner=determiner, adjective=OLD)
        assert tuple(determiner_form(phrase, case) for case in CASES) == article
        assert tuple(adjective_ending(phrase, case) for case in CASES) == ending
    assert noun_form(phrase, "dative")[-1] in "ns"


def test_kein_takes_the_place_of_ein_and_of_no_article():
    singular = a("Katze")
    plural = Phrase(noun=NOUN["Katze"], plural=True, determiner="none", adjective=OLD)
    assert determiner_form(singular, "accusative", negated=True) == "keine"
    assert determiner_form(plural, "accusative", negated=True) == "keine"
    assert adjective_ending(plural, "accusative", negated=True) == "en"  # keine alten Katzen
    assert adjective_ending(plural, "accusative") == "e"  # alte Katzen


@pytest.mark.parametrize("verb", VERB.values(), ids=lambda verb: verb.prefix + verb.infinitive)
def test_a_verb_agrees_with_its_subject_wherever_it_stands(verb: Verb):
    subjects = {"ich": PRONOUNS[2], "er": PRONOUNS[0], "wir": PRONOUNS[3]}
    expected = {"ich": verb.first_person, "er": verb.third, "wir": verb.infinitive}
    for word, subject in subjects.items():
        clause = Clause(subject=subject, verb=verb)
        end = f" {verb.prefix}" if verb.prefix else ""
        assert german(Sentence(main=clause)).lower() == f"{word} {expected[word]}{end}."
        below = german(Sentence(main=OPENS, conjunction=CONJUNCTIONS[0], subordinate=clause))
        assert below.endswith(f", weil {word} {verb.prefix}{expected[word]}.")


def test_the_participle_of_a_separable_verb_has_its_prefix_in_front():
    for verb in VERB.values():
        assert verb.participle.startswith(verb.prefix)


FINITE = (
    {form for verb in VERB.values() for form in (verb.first_person, verb.third, verb.infinitive)}
    | {"habe", "hat", "haben", "bin", "ist", "sind"}
    | {
        form
        for modal in MODALS
        for form in (modal.singular, modal.plural, modal.past_singular, modal.past_plural)
        if form
    }
)


def test_sampled_statements_have_the_finite_verb_second():
    rng = random.Random(3)
    n_checked = 0
    while n_checked < 300:
        sentence = sample_sentence(rng)
        clause = sentence.main
        is_plain = sentence.subordinate is None and not sentence.question
        if is_plain and clause.front == "time" and clause.time is not None:
            rest = german(sentence)[len(clause.time.german) :].split()
            assert rest[0].rstrip(".") in FINITE, german(sentence)
            n_checked += 1


def test_sampled_subordinate_clauses_end_in_the_finite_verb():
    rng = random.Random(4)
    n_checked = 0
    while n_checked < 300:
        sentence = sample_sentence(rng)
        if sentence.subordinate is not None and not sentence.subordinate_first:
            last = german(sentence).removesuffix(".").split()[-1]
            assert any(last.endswith(form) for form in FINITE), german(sentence)
            n_checked += 1


def test_sampled_sentences_are_written_as_sentences():
    rng = random.Random(5)
    for _ in range(1_000):
        for line in both(sample_sentence(rng)):
            assert line[0].isupper()
            assert line[-1] in ".?"
            assert "  " not in line
            assert ",," not in line
            assert " ," not in line
            assert ",." not in line


def test_first_person_never_acts_on_itself():
    rng = random.Random(6)
    for _ in range(3_000):
        clause = sample_sentence(rng).main
        if isinstance(clause.subject, Pronoun) and clause.subject.person == 1:
            others = (clause.direct, clause.indirect)
            assert not any(isinstance(one, Pronoun) and one.person == 1 for one in others)


def texts(corpus: ParallelText, split: str) -> list[tuple[str, str]]:
    raw = corpus.splits[split].raw
    return list(zip(raw.src, raw.tgt, strict=True))


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another():
    first, again, other = (grammar(seed=seed, n_train=50) for seed in (7, 7, 8))
    for split in ("train", "valid", "test"):
        assert texts(first, split) == texts(again, split)
        assert texts(first, split) != texts(other, split)


def test_a_larger_corpus_begins_with_the_smaller_one_and_keeps_its_evaluation_sets():
    small, large = grammar(n_train=50, n_valid=40), grammar(n_train=200, n_valid=40)
    assert texts(large, "train")[:50] == texts(small, "train")
    assert texts(large, "valid") == texts(small, "valid")
    assert texts(large, "test") == texts(small, "test")


def test_no_sentence_of_an_evaluation_set_stands_in_another_split():
    corpus = grammar(n_train=5_000, n_valid=200, n_test=200)
    for left, right in (("train", "valid"), ("train", "test"), ("valid", "test")):
        for side in ("src", "tgt"):
            sentences = [set(getattr(corpus.splits[name].raw, side)) for name in (left, right)]
            assert sentences[0].isdisjoint(sentences[1])


def test_nouns_of_one_german_or_english_form_are_listed_once():
    for one, other in product(NOUNS, NOUNS):
        if one is not other:
            assert one.german != other.german
            assert one.english != other.english
