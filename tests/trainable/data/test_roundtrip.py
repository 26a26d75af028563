"""References after tokenising and back: what is told of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import sacrebleu

from spaces.errors import UserError
from trainable.data.corpus import Pairs, ParallelText, from_raw
from trainable.data.manifest import Manifest
from trainable.data.moses import Moses
from trainable.data.prepare import prepare
from trainable.data.roundtrip import round_trip
from trainable.data.tokenisation import Tokenisation
from trainable.data.tokenizer import Tokenizer

FRENCH = [
    *(f"la maison numéro {n} est grande, belle et assez vieille." for n in range(9)),
    "pourquoi pas ⁋ demanda la jeune femme ⁋ sans rien ajouter.",
]


class WithoutPilcrows(Moses):
    def detokenise(self, tokens: str) -> str:
        return super().detokenise(tokens.replace("⁋", ""))


def prepared(out: Path, sentences: list[str], tokenisation: Tokenisation) -> Manifest:
    english = [f"this is the sentence of number {n}." for n in range(len(sentences))]
    split = from_raw(Pairs(src=english, tgt=sentences), src="en", tgt="fr")
    splits = {"train": split, "valid": split, "test": split}
    corpus = ParallelText(name="made-up", src="en", tgt="fr", splits=splits, licence="none")
    return prepare(lambda: corpus, out, n_merges=120, tokenisation=tokenisation)


def test_a_round_trip_below_99_is_told_with_its_characters_and_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("trainable.data.tokenizer.Moses", WithoutPilcrows)
    manifest = prepared(tmp_path / "out", FRENCH, Tokenisation())
    outputs = [line.replace("⁋ ", "") for line in FRENCH]
    expected = sacrebleu.corpus_bleu(outputs, [FRENCH]).score
    assert 95 < expected < 99
    assert manifest.roundtrip_bleu == pytest.approx(expected, abs=0.01)
    assert (
        f"score {expected:.2f} BLEU; these characters, or spaces at them, are lost" in caplog.text
    )
    # Twice in each of valid and test, and no other character is named.
    assert caplog.text.count("(U+") == 1
    assert "'⁋' (U+204B, reversed pilcrow sign) 4 times" in caplog.text


def test_a_round_trip_of_99_and_more_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    manifest = prepared(tmp_path / "out", FRENCH, Tokenisation())
    assert manifest.roundtrip_bleu == 100
    assert "tokenised and back" not in caplog.text


def test_the_remedy_of_the_refusal_is_true(tmp_path: Path):
    with pytest.raises(UserError, match="all but characters that train lacks; or say --lossy"):
        round_trip(["a b c d"], ["e f g h"], tokenizer="13a").require(lossy=False)
    prepared(tmp_path / "out", FRENCH, Tokenisation(kind="unigram"))
    tokenizer = Tokenizer.load(tmp_path / "out", "tgt")
    lines = (tmp_path / "out" / "dict.fr.txt").read_text(encoding="utf-8").splitlines()
    known = {line.split(" ")[0] for line in lines}
    for sentence in FRENCH:
        units = tokenizer.encode(sentence)
        assert known.issuperset(units.split())
        assert tokenizer.decode(units) == sentence
    assert not known.issuperset(tokenizer.encode("la maison ⁂ vieille").split())
