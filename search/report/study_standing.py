"""Standing of a study's winner, as tables and pages show it."""

from __future__ import annotations

from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.trial_record import TrialRecord
from search.study.winner_standing import Sized, WinnerStanding, winner_standing


def study_standing(folder: StudyFolder) -> WinnerStanding | None:
    """Standing of the study's best trial; None before one is completed."""
    config, data = folder.config(), folder.data()

    def in_space(trial: TrialRecord) -> Sized | None:
        from search.suggest.space_sizes import sized_in_space  # imports torch, which is slow

        return sized_in_space(config, data, trial)

    records = sorted_records(folder.trials)
    return winner_standing(records, config.objective, data=data, in_space=in_space)
