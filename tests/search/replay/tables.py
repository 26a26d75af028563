"""Trial tables made by hand, with simple values and times of each candidate."""

from __future__ import annotations

from collections.abc import Sequence

from search.replay.trial_table import RecordedTrial, TrialTable, recorded_settings
from search.study.config import StudyConfig, study_from
from spaces.candidate import Candidate
from spaces.chooser import FixedChooser
from spaces.counts import ParamCounts
from trainable.curve import Point

UPDATES = (4, 8, 12)  # updates at the points of each curve


def candidates_of(config: StudyConfig) -> list[Candidate]:
    """All candidates of the study's space, without repeats."""
    found = (config.space.choose(FixedChooser(point)) for point in config.space.points())
    return list({candidate.key: candidate for candidate in found}.values())


def made_table(config: StudyConfig, *, seeds: Sequence[int] = (1,)) -> TrialTable:
    """Candidate number ``n`` has a score in proportion to ``10 + n``; the later, the slower."""
    return TrialTable(
        study=study_from(recorded_settings(config), "test"),
        corpus="0" * 64,
        metric="BLEU",
        made={"note": "made by hand"},
        trials=tuple(
            made_trial(candidate, number, seed)
            for number, candidate in enumerate(candidates_of(config))
            for seed in seeds
        ),
    )


def made_trial(candidate: Candidate, number: int, seed: int) -> RecordedTrial:
    """A completed trial of one million parameters; a higher seed has a little more of a score."""
    top = 10 + number + 0.01 * seed
    return RecordedTrial(
        candidate=candidate,
        seed=seed,
        counts=ParamCounts(total=1_000_000, learned=900_000, stored=900_000, encoder=9),
        curve=tuple(
            Point(
                updates=updates,
                seconds=updates * (1 + number / 8),  # sums of eighths are exact
                tokens=100 * updates,
                flops=1e6 * updates,
                score=top * updates / UPDATES[-1],
                loss=8.0 - updates / 12,
                train_loss=9.0 - updates / 12,
            )
            for updates in UPDATES
        ),
        n_epochs=0.5,
        peak_memory_bytes=2**20,
    )
