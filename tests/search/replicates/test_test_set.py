from __future__ import annotations

import json
from collections.abc import Callable

from search.replicates.test_set import test_score as score_on_the_test_set
from search.study.folder import StudyFolder
from search.study.ledger import read_records


def test_a_score_that_an_earlier_version_kept_is_read(
    recorded_study: Callable[..., StudyFolder],
):
    folder = recorded_study("one")
    (folder.path / "test").mkdir()
    kept = {"bleu": 30.0, "signature": "nrefs:1", "translations": ["a b", "c"]}
    (folder.path / "test" / "trial-0000.json").write_text(json.dumps(kept))
    score = score_on_the_test_set(folder, read_records(folder.trials)[0])
    assert (score.score, score.outputs) == (30.0, ["a b", "c"])
