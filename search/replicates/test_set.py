"""What a trained trial scores on the test set, translated once and kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest, Result

from search.exports.full_evaluation import full_scores, trained_model
from search.study.errors import WorkFailed
from search.study.folder import StudyFolder
from search.study.kept_weights import best_weights
from search.study.storage import study_storage
from search.study.trial_record import TrialRecord
from trainable.atomic import write_atomically
from trainable.corpus import load_corpus

N_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TestScore:
    """A trial's translation of the whole test set, by its best weights."""

    __test__ = False  # no test for pytest to collect

    bleu: float
    signature: str
    translations: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedBootstrap:
    """Two translations of one test set, compared on resampled sentences.

    Source:
        P. Koehn (2004), Statistical significance tests for machine translation evaluation.
    """

    bleu: float
    bleu_baseline: float
    p: float  # that the difference is one of the sentences alone
    n_resamples: int


def test_score(folder: StudyFolder, record: TrialRecord) -> TestScore:
    """The score of a completed trial; computed at the first call, then read.

    Raises:
        WorkFailed: the trial's weights are not there any more.
    """
    path = _place(folder, record)
    if path.is_file():
        return TestScore(**json.loads(path.read_text(encoding="utf-8")))
    score = _translate(folder, record)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, json.dumps(asdict(score), ensure_ascii=False))
    return score


def paired_bootstrap(
    score: TestScore, baseline: TestScore, references: list[str]
) -> PairedBootstrap:
    """How sure it is that ``score`` is another than ``baseline``, by sacreBLEU's own test."""
    _, results = PairedTest(
        [("baseline", baseline.translations), ("system", score.translations)],
        {"BLEU": BLEU(lowercase=True)},
        [references],
        test_type="bs",
        n_samples=N_RESAMPLES,
    )()
    base, system = (told for told in results["BLEU"] if isinstance(told, Result))
    assert system.p_value is not None
    return PairedBootstrap(
        bleu=system.score, bleu_baseline=base.score, p=system.p_value, n_resamples=N_RESAMPLES
    )


def test_references(folder: StudyFolder) -> list[str]:
    """The test set's references, in the order of the translations."""
    corpus = load_corpus(folder.data())
    return list(corpus.raw("test", corpus.manifest.tgt))


def _place(folder: StudyFolder, record: TrialRecord) -> Path:
    return folder.path / "test" / f"trial-{record.id:04d}.json"


def _translate(folder: StudyFolder, record: TrialRecord) -> TestScore:
    kept = best_weights(study_storage(folder), record)
    if kept is None:
        raise WorkFailed(f"{folder.path}: the weights of trial {record.id} are gone")
    corpus = load_corpus(folder.data())
    model = trained_model(record.config, corpus, kept[0])
    scores = full_scores(model, corpus, record.config, "test")
    return TestScore(
        bleu=scores.bleu, signature=scores.signature, translations=list(scores.translations)
    )
