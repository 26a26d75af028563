"""The winner by other denominators, among the sizes, and against chance."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search.study.trial_record import TrialRecord
from search.study.winner_standing import Size, Sized, WinnerStanding, score_floor, winner_standing
from spaces.counts import ParamCounts
from tests.conftest import SMALL
from tests.search.conftest import curve_point
from trainable.config import ObjectiveConfig
from trainable.corpus import open_corpus
from trainable.data.grammar.corpus import grammar
from trainable.data.grammar.kinds import grammar_sentences
from trainable.data.grammar.summaries import grammar_summaries
from trainable.data.manifest import Manifest
from trainable.data.metric import metric_of_data
from trainable.data.prepare import prepare
from trainable.data.tokenisation import Tokenisation
from trainable.sentences import SentenceSplit
from trainable.tasks.registry import load_task

Make = Callable[..., TrialRecord]


def trial(
    make: Make, id_: int, aucc: float, total: int, encoder: int, **changes: object
) -> TrialRecord:
    counts = ParamCounts(total=total, learned=total, stored=total, encoder=encoder)
    return make(id_, aucc=aucc, objective=aucc / total * 1e6, counts=counts, **changes)


def standing(records: list[TrialRecord], sized: Sized | None = None) -> WinnerStanding:
    found = winner_standing(records, ObjectiveConfig(), data="absent", in_space=lambda trial: sized)
    assert found is not None
    return found


def test_the_ranks_are_by_each_denominator(make_record: Make):
    found = standing(
        [
            trial(make_record, 0, 30.0, 1_000_000, 900_000),  # 30 a million, 33 in the encoder
            trial(make_record, 1, 50.0, 2_000_000, 1_000_000),  # 25 and 50
            trial(make_record, 2, 40.0, 4_000_000, 1_000_000),  # 10 and 40
        ]
    )
    assert found.trial == 0
    assert found.ranks == {
        "AUCC per million total = learned = stored parameters": 1,
        "AUCC per million encoder parameters": 3,
        "AUCC alone": 3,
    }
    assert found.is_smallest
    assert found.is_cheapest is None  # all cost the same for a token
    assert found.sentences()[-1] == (
        "Trial 0 is the smallest by total parameters of the 3 trials; how it is in the whole space "
        "is not known."
    )


def test_the_smallest_of_equals_is_not_called_so(make_record: Make):
    records = [trial(make_record, n, 30.0 + n, 1_000_000, 900_000) for n in range(2)]
    assert standing(records).is_smallest is None


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ((2.0, 8.0), "is the smallest by total parameters and the cheapest in FLOPs of the space"),
        ((1.0, 7.0), "is neither the smallest by total parameters nor the cheapest in FLOPs of"),
        ((2.0, 7.0), "is the smallest by total parameters, but not the cheapest in FLOPs, of the"),
        ((1.0, 7.5), "is not the smallest by total parameters of the space"),
    ],
)
def test_the_smallest_of_the_trials_is_measured_against_the_space(
    make_record: Make, other: tuple[float, float], words: str
):
    own = Size(n_mparams=1.5, flops=7.5)
    sized = Sized(own=own, others=[Size(n_mparams=other[0], flops=other[1])])
    records = [
        trial(make_record, 0, 30.0, 1_500_000, 9),
        trial(make_record, 1, 30.0, 4_000_000, 9),
        # A deletion may be smaller than all of the space.
        trial(make_record, 2, 0.1, 500_000, 9, reference="deletion", optuna_number=None),
    ]
    assert any(words in sentence for sentence in standing(records, sized).sentences())


def test_the_space_is_not_gone_through_for_a_trial_that_others_undercut(make_record: Make):
    def never(trial: TrialRecord) -> Sized:
        raise AssertionError(trial.id)

    cheap = tuple(dataclasses.replace(curve_point(n, 1.0), flops=1.0) for n in (4, 8, 12))
    records = [
        trial(make_record, 0, 90.0, 1_500_000, 9),
        trial(make_record, 1, 0.1, 1_000_000, 9, curve=cheap),
    ]
    found = winner_standing(records, ObjectiveConfig(), data="absent", in_space=never)
    assert found is not None
    assert (found.among, found.is_smallest, found.is_cheapest) == ("space", False, False)


@pytest.mark.parametrize(("score", "has_learned"), [(0.9, False), (1.1, True)])
def test_a_winner_that_scores_as_chance_does_has_learned_nothing(
    make_record: Make, score: float, has_learned: bool
):
    curve = tuple(curve_point(updates, score) for updates in (4, 8, 12))
    found = standing([trial(make_record, 0, 5.0, 1_000_000, 9, curve=curve)])
    assert found.has_learned == has_learned
    assert any("learned nothing yet" in line for line in found.sentences()) != has_learned


def test_without_a_completed_trial_nobody_stands(make_record: Make):
    records = [make_record(state="stopped")]
    found = winner_standing(records, ObjectiveConfig(), data="absent", in_space=lambda trial: None)
    assert found is None


def test_to_answer_the_most_frequent_label_is_chance(make_record: Make, kinds: Path):
    labels = grammar_sentences(with_kinds=True, **SMALL).splits["valid"].raw.tgt
    share = 100 * max(labels.count(label) for label in labels) / len(labels)
    for score, has_learned in ((share, False), (share + 0.1, True)):
        curve = tuple(curve_point(updates, score) for updates in (4, 8))
        record = trial(make_record, 0, 5.0, 1_000_000, 9, curve=curve, metric="accuracy")
        found = winner_standing(
            [record], ObjectiveConfig(), data=str(kinds), in_space=lambda trial: None
        )
        assert found is not None
        assert found.floor == pytest.approx(share)
        assert found.has_learned == has_learned


def test_of_masked_words_the_frequencies_are_chance(english: Path, tmp_path: Path) -> None:
    task = load_task(str(english))
    split = task.split("train")
    assert isinstance(split, SentenceSplit)
    rows, sizes = split.rows(np.arange(len(split))), split.sizes
    tokens = np.concatenate([row[:size] for row, size in zip(rows, sizes, strict=True)])
    _, counts = np.unique(tokens, return_counts=True)
    shares = counts / counts.sum()
    saved = np.log2(len(task.dictionary)) + (shares * np.log2(shares)).sum()
    assert saved > 0.5
    assert score_floor("bits saved", str(english)) == pytest.approx(saved)
    shutil.copy(english / "manifest.json", tmp_path)
    (tmp_path / "dict.txt").write_text("a 3\nb 1\n")  # of other data
    assert score_floor("bits saved", str(tmp_path)) == 0.0


@pytest.mark.parametrize("metric", ["chrF", "ROUGE-L"])
def test_the_score_without_reading_is_computed_once_and_of_older_folders_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    made = grammar if metric == "chrF" else grammar_summaries
    folder, sizes = tmp_path / "data", {"n_train": 200, "n_valid": 30, "n_test": 10}
    manifest = prepare(
        lambda: made(seed=1, **sizes),
        folder,
        n_merges=50,
        tokenisation=Tokenisation(metric="chrF"),
    )
    assert manifest.metric is not None
    assert manifest.metric.name == metric
    with monkeypatch.context() as patch:
        patch.setattr("trainable.data.mismatched.score_of_others", None)  # not called
        floor = score_floor(metric, str(folder))
    assert floor > 5
    older = manifest.model_copy(update={"mismatched_score": None})
    older.save(folder)
    assert older.digest == manifest.digest
    assert score_floor(metric, str(folder)) == floor


@pytest.mark.parametrize("metric", ["BLEU", "chrF", "ROUGE-L"])
def test_of_text_what_ignores_its_input_is_chance(
    small_grammar: Path, tmp_path: Path, metric: str
) -> None:
    """A model's validation score when its inputs are exchanged is no learning."""
    manifest = Manifest.load(small_grammar)
    references = open_corpus(str(small_grammar)).raw("valid", manifest.sides[1])
    judge = metric_of_data(manifest, metric)
    exchanged = [judge.score(references[n:] + references[:n], references) for n in range(7, 14)]
    floor = score_floor(metric, str(small_grammar))
    assert floor == pytest.approx(max(1.0, sum(exchanged) / len(exchanged)), rel=0.5)
    assert floor < judge.score(references, references) / 3
    shutil.copy(small_grammar / "manifest.json", tmp_path)
    assert score_floor(metric, str(tmp_path)) == (1.0 if metric == "BLEU" else 0.0)
