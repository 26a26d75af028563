from __future__ import annotations

import json

from search.exports.exported_scores import ExportedScores

SCORES = ExportedScores(
    metric="BLEU",
    decoding="beam 5",
    n_updates=12,
    trained_in_full=False,
    score_valid=31.0,
    score_test=30.0,
    loss_valid=3.0,
    loss_test=3.5,
    signature="nrefs:1",
)


def test_the_scores_survive_their_file():
    assert ExportedScores.model_validate_json(SCORES.model_dump_json()) == SCORES


def test_the_scores_of_an_earlier_versions_export_are_bleu_by_beam_5():
    old = {
        "beam": 5,
        "n_updates": 12,
        "trained_in_full": False,
        "bleu_valid": 31.0,
        "bleu_test": 30.0,
        "loss_valid": 3.0,
        "loss_test": 3.5,
        "signature": "nrefs:1",
    }
    assert ExportedScores.model_validate_json(json.dumps(old)) == SCORES
