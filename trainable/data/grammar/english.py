"""The English side: fixed order, do-support, articles a and an."""

from __future__ import annotations

from trainable.data.grammar.clause import Clause, Nominal, Phrase, Sentence
from trainable.data.grammar.lexicon import Pronoun


def english(sentence: Sentence) -> str:
    """The sentence in English, with capital and punctuation."""
    main = sentence.main
    if sentence.question:
        return _written(_question(main), "?")
    if sentence.subordinate is None:
        return _written(_statement(main), ".")
    word = sentence.conjunction.english if sentence.conjunction else "that"
    below = f"{word} {_statement(sentence.subordinate)}"
    if sentence.subordinate_first:
        return _written(f"{below}, {_statement(main)}", ".")
    return _written(f"{_statement(main)} {below}", ".")


def verb_group(clause: Clause, *, question: bool = False) -> tuple[str, str]:
    """Auxiliary (can be empty) and the words after it: "does", "want to sleep"."""
    modal = clause.modal
    base = _joined([clause.verb.english, clause.verb.rest])
    if modal is not None and modal.is_auxiliary:
        return modal.english[2] if clause.past else modal.english[0], base
    forms = (clause.verb.english, clause.verb.english_third, clause.verb.english_past)
    rest = clause.verb.rest
    if modal is not None:
        forms, rest = modal.english, f"to {base}"
    third = _is_third_singular(clause.subject)
    if clause.negated or question:
        auxiliary = "did" if clause.past else "does" if third else "do"
        return auxiliary, _joined([forms[0], rest])
    return "", _joined([forms[2] if clause.past else forms[1] if third else forms[0], rest])


def _is_third_singular(subject: Nominal) -> bool:
    return not subject.plural and not (isinstance(subject, Pronoun) and subject.person == 1)


def _statement(clause: Clause) -> str:
    return _joined([_noun_phrase(clause.subject), _predicate(clause)])


def _predicate(clause: Clause) -> str:
    auxiliary, verb = verb_group(clause)
    if clause.negated:
        auxiliary = "cannot" if auxiliary == "can" else f"{auxiliary} not"
    return _joined([auxiliary, verb, *_complements(clause)])


def _question(clause: Clause) -> str:
    auxiliary, verb = verb_group(clause, question=True)
    negation = "not" if clause.negated else ""
    return _joined([auxiliary, _noun_phrase(clause.subject), negation, verb, *_complements(clause)])


def _complements(clause: Clause) -> list[str]:
    words = [_object(nominal) for nominal in (clause.indirect, clause.direct) if nominal]
    if clause.place is not None:
        preposition = "on" if "on" in clause.place.noun.tags else "in"
        words.append(f"{preposition} {_noun_phrase(clause.place)}")
    if clause.time is not None:
        words.append(clause.time.english)
    return words


def _object(nominal: Nominal) -> str:
    return nominal.english_object if isinstance(nominal, Pronoun) else _noun_phrase(nominal)


def _noun_phrase(nominal: Nominal) -> str:
    if isinstance(nominal, Pronoun):
        return nominal.english
    adjective = nominal.adjective.english if nominal.adjective is not None else ""
    noun = nominal.noun.english_plural if nominal.plural else nominal.noun.english
    words = _joined([adjective, noun])
    relative = ""
    if nominal.relative is not None:
        pronoun = "who" if "person" in nominal.noun.tags else "that"
        relative = f"{pronoun} {_predicate(nominal.relative)}"
    return _joined([_determiner(nominal, before=words), words, relative])


def _determiner(phrase: Phrase, *, before: str) -> str:
    if phrase.determiner == "none":
        return ""
    if phrase.determiner == "a":
        return "an" if before[0] in "aeiou" else "a"
    if phrase.determiner == "this" and phrase.plural:
        return "these"
    return phrase.determiner


def _joined(words: list[str]) -> str:
    return " ".join(word for word in words if word)


def _written(text: str, stop: str) -> str:
    return text[0].upper() + text[1:] + stop
