"""The German side: case, gender and number agreement, verb second, verb last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from trainable.data.grammar.clause import Clause, Nominal, Phrase, Sentence
from trainable.data.grammar.lexicon import Gender, Pronoun

Case = Literal["nominative", "accusative", "dative"]
Class = Gender | Literal["p"]  # a plural has no gender

# Endings by case for der-words and ein-words, and of adjectives after each.
_CASES: dict[Case, int] = {"nominative": 0, "accusative": 1, "dative": 2}
_DER: dict[Class, tuple[str, str, str]] = {
    "m": ("der", "den", "dem"),
    "f": ("die", "die", "der"),
    "n": ("das", "das", "dem"),
    "p": ("die", "die", "den"),
}
_DIESER: dict[Class, tuple[str, str, str]] = {
    "m": ("er", "en", "em"),
    "f": ("e", "e", "er"),
    "n": ("es", "es", "em"),
    "p": ("e", "e", "en"),
}
_EIN: dict[Class, tuple[str, str, str]] = {
    "m": ("", "en", "em"),
    "f": ("e", "e", "er"),
    "n": ("", "", "em"),
    "p": ("e", "e", "en"),
}
_WEAK: dict[Class, tuple[str, str, str]] = {
    "m": ("e", "en", "en"),
    "f": ("e", "e", "en"),
    "n": ("e", "e", "en"),
    "p": ("en", "en", "en"),
}
_MIXED: dict[Class, tuple[str, str, str]] = {
    **_WEAK,
    "m": ("er", "en", "en"),
    "n": ("es", "es", "en"),
}
_STRONG_PLURAL = ("e", "e", "en")
_CONTRACTED = {"in dem": "im"}


def german(sentence: Sentence) -> str:
    """The sentence in German, with capital and punctuation."""
    main = sentence.main
    if sentence.question:
        return _written(_verb_first(main), "?")
    if sentence.subordinate is None:
        return _written(_verb_second(main), ".")
    word = sentence.conjunction.german if sentence.conjunction else "dass"
    below = f"{word} {_verb_last(sentence.subordinate, subject=_noun_phrase)}"
    if sentence.subordinate_first:
        return _written(f"{below}, {_verb_first(main)}", ".")
    return _written(f"{_verb_second(main)}, {below}", ".")


def noun_form(phrase: Phrase, case: Case) -> str:
    """The noun itself in its case and number."""
    noun = phrase.noun
    if phrase.plural:
        bare = noun.german_plural
        return bare + "n" if case == "dative" and bare[-1] not in "ns" else bare
    return noun.german_plural if noun.weak and case != "nominative" else noun.german


def determiner_form(phrase: Phrase, case: Case, *, negated: bool = False) -> str:
    """The determiner, agreeing with its noun; ``negated`` turns ein and nothing into kein."""
    row, column = _class(phrase), _CASES[case]
    match phrase.determiner:
        case "the":
            return _DER[row][column]
        case "this":
            return "dies" + _DIESER[row][column]
        case "every":
            return "jed" + _DIESER[row][column]
        case "my":
            return "mein" + _EIN[row][column]
        case "our":
            return "unser" + _EIN[row][column]
        case "two":
            return "zwei"
        case "three":
            return "drei"
        case "a" | "none":
            if negated:
                return "kein" + _EIN[row][column]
            return "ein" + _EIN[row][column] if phrase.determiner == "a" else ""


def adjective_ending(phrase: Phrase, case: Case, *, negated: bool = False) -> str:
    """Ending of an adjective after the given determiner."""
    row, column = _class(phrase), _CASES[case]
    if phrase.determiner in ("the", "this", "every"):
        return _WEAK[row][column]
    if phrase.determiner in ("two", "three") or (phrase.determiner == "none" and not negated):
        return _STRONG_PLURAL[column]
    return _MIXED[row][column]


def finite_and_final(clause: Clause) -> tuple[str, str]:
    """Inflected verb, and the words at the end of the clause: "macht", "auf"."""
    verb = clause.verb
    plural, first = _number_and_person(clause.subject)
    if clause.modal is not None:
        modal = clause.modal
        if clause.past:
            assert modal.past_singular is not None
            finite = modal.past_plural if plural else modal.past_singular
        else:
            finite = modal.plural if plural else modal.singular
        return finite, verb.prefix + verb.infinitive
    if clause.past:
        forms = {"haben": ("habe", "hat", "haben"), "sein": ("bin", "ist", "sind")}[verb.auxiliary]
        return forms[2] if plural else forms[0] if first else forms[1], verb.participle
    finite = verb.infinitive if plural else verb.first_person if first else verb.third
    return finite, verb.prefix


def _class(phrase: Phrase) -> Class:
    return "p" if phrase.plural else phrase.noun.gender


def _number_and_person(subject: Nominal) -> tuple[bool, bool]:
    return subject.plural, isinstance(subject, Pronoun) and subject.person == 1


def _noun_phrase(nominal: Nominal, case: Case = "nominative", *, negated: bool = False) -> str:
    if isinstance(nominal, Pronoun):
        return {
            "nominative": nominal.nominative,
            "accusative": nominal.accusative,
            "dative": nominal.dative,
        }[case]
    words = [determiner_form(nominal, case, negated=negated)]
    if nominal.adjective is not None:
        ending = adjective_ending(nominal, case, negated=negated)
        words.append(nominal.adjective.german + ending)
    words.append(noun_form(nominal, case))
    if nominal.relative is not None:
        words.append(f", {_relative(nominal)},")
    return " ".join(word for word in words if word).replace(" ,", ",")


def _relative(phrase: Phrase) -> str:
    assert phrase.relative is not None
    pronoun = _DER[_class(phrase)][0]
    return _verb_last(phrase.relative, subject=lambda _: pronoun)


def _place(phrase: Phrase) -> str:
    text = f"{'auf' if 'on' in phrase.noun.tags else 'in'} {_noun_phrase(phrase, 'dative')}"
    for full, short in _CONTRACTED.items():
        text = short + text.removeprefix(full) if text.startswith(full + " ") else text
    return text


def _middle(clause: Clause, *, without: str) -> list[str]:
    """The middle field apart from the subject: pronouns, time, dative, accusative, nicht, place."""
    pronouns: list[str] = []
    nouns: list[str] = []
    has_kein = clause.negated and _takes_kein(clause.direct)
    for case, nominal in (("dative", clause.indirect), ("accusative", clause.direct)):
        if nominal is None or (case == "accusative" and without == "object"):
            continue
        if case == "dative":
            text = _noun_phrase(nominal, "dative")
        else:
            text = _noun_phrase(nominal, "accusative", negated=has_kein)
        (pronouns if isinstance(nominal, Pronoun) else nouns).append(text)
    time = [clause.time.german] if clause.time is not None and without != "time" else []
    negation = ["nicht"] if clause.negated and not has_kein else []
    place = [_place(clause.place)] if clause.place is not None and without != "place" else []
    return pronouns + time + nouns + negation + place


def _takes_kein(direct: Nominal | None) -> bool:
    return isinstance(direct, Phrase) and direct.determiner in ("a", "none")


def _verb_first(clause: Clause) -> str:
    finite, final = finite_and_final(clause)
    return _joined([finite, _noun_phrase(clause.subject), *_middle(clause, without=""), final])


def _verb_second(clause: Clause) -> str:
    finite, final = finite_and_final(clause)
    subject, middle = _noun_phrase(clause.subject), _middle(clause, without=clause.front)
    if clause.front == "subject":
        return _joined([subject, finite, *middle, final])
    if clause.front == "time":
        assert clause.time is not None
        front = clause.time.german
    elif clause.front == "place":
        assert clause.place is not None
        front = _place(clause.place)
    else:
        assert clause.direct is not None
        front = _noun_phrase(clause.direct, "accusative")
    return _joined([front, finite, subject, *middle, final])


def _verb_last(clause: Clause, *, subject: Callable[[Nominal], str]) -> str:
    finite, final = finite_and_final(clause)
    is_separable = clause.modal is None and not clause.past
    end = final + finite if is_separable else f"{final} {finite}"
    return _joined([subject(clause.subject), *_middle(clause, without=""), end])


def _joined(words: list[str]) -> str:
    return " ".join(word for word in words if word)


def _written(text: str, stop: str) -> str:
    return text[0].upper() + text[1:].removesuffix(",") + stop
