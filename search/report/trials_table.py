"""Trials of a study, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from search.costs.disk_usage import disk_usage
from search.report.objective_words import objective_unit
from search.report.rank_table import hypervolume_json
from search.report.study_standing import study_standing
from search.stats.hypervolume import Hypervolume, front_hypervolume
from search.study.config import StudyConfig
from search.study.console import output, say_sentence
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import best_first, best_trial, pareto_front
from search.study.references import references_of
from search.study.score_name import score_name, signature_of
from search.study.trial_columns import fitting_columns, trial_columns
from search.study.trial_record import TrialRecord
from trainable.aucc import aucc_unit

if TYPE_CHECKING:
    from search.replicates.confirm import Confirmation
    from search.suggest.proxy_tally import ProxyTally


def study_json(folder: StudyFolder) -> dict[str, Any]:
    """Study as JSON: objective, trials, the best, ids on the Pareto front, proxy, ``confirm``."""
    config = folder.config()
    records = sorted_records(folder.trials)
    best = best_trial(records, config.objective)
    proxy = _proxy_tally(config, folder, records)
    standing = study_standing(folder)
    return {
        "study": config.name,
        "objective": {
            "name": config.objective.name,
            "clock": config.objective.clock,
            "horizon": config.horizon,
            "parameters": config.objective.parameters,
        },
        "signature": signature_of(folder, records[0].metric) if records else None,
        "trials": [record.summary() for record in records],
        "best": None if best is None else best.summary(),
        "standing": None if standing is None else standing.to_dict(),
        "hypervolume": hypervolume_json(_hypervolume(config, records)),
        "references": [each.to_dict() for each in references_of(config, records)],
        "front": [record.id for record in pareto_front(records, config.objective)],
        "proxy": None if proxy is None else proxy.to_dict(),
        "confirm": _confirmation_json(folder),
    }


def study_table(folder: StudyFolder) -> None:
    """Print the trials, best first, and the result of ``confirm``.

    Stars mark the trials on the Pareto front.
    """
    config = folder.config()
    records = sorted_records(folder.trials)
    clock, parameters = config.objective.clock, config.objective.parameters
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,  # it would need a column of its own
        title=f"study {config.name}: {config.objective.name} over {clock}, {parameters} parameters"
        f"\n{_units(config, records)}",
        title_justify="left",
    )
    console = output()
    ordered = sorted(records, key=best_first)
    columns = fitting_columns(trial_columns(config, records), ordered, console.width)
    for column in columns:
        column.add_to(table)
    for record in ordered:
        table.add_row(*(column.of(record) for column in columns))
    console.print(table)
    console.print()
    for record in records:
        if record.state == "failed":
            say_sentence(f"trial {record.id} failed: {record.reason}")
    for line in teachers(records):
        say_sentence(line)
    volume = _hypervolume(config, records)
    if volume is not None:
        say_sentence(volume)
    for line in _proxy_lines(config, _proxy_tally(config, folder, records)):
        say_sentence(line)
    _print_confirmation(folder, console)


def print_disk_usage(folder: StudyFolder) -> None:
    """Print what the study takes up on disk."""
    say_sentence(disk_usage(folder))


def _units(config: StudyConfig, records: Sequence[TrialRecord]) -> str:
    """Units of the two columns that have none in their heading."""
    metric = score_name(records)
    unit = objective_unit(config.objective, metric)
    objective = "" if unit is None else f", objective in {unit}"
    return f"AUCC in {aucc_unit(metric, config.objective.clock)}{objective}"


def teachers(records: Sequence[TrialRecord]) -> list[str]:
    """A line on each teacher of the trials, with its cost."""
    found = {record.config.train.distill: record.teacher for record in records if record.teacher}
    return [f"teacher {folder}: {cost}" for folder, cost in found.items()]


def print_standing(folder: StudyFolder) -> None:
    """Print how the winner stands by what the objective is not, a line for each sentence."""
    standing = study_standing(folder)
    for line in () if standing is None else standing.sentences():
        say_sentence(line)


def _hypervolume(config: StudyConfig, records: Sequence[TrialRecord]) -> Hypervolume | None:
    """Hypervolume of a ``pareto`` study's front; None for other studies."""
    return front_hypervolume(records, config.objective) if config.objective.is_pareto else None


def _proxy_tally(
    config: StudyConfig, folder: StudyFolder, records: Sequence[TrialRecord]
) -> ProxyTally | None:
    """Tally of the proxy; None without one, since reading the journal imports Optuna."""
    if config.search.proxy is None:
        return None
    from search.suggest.proxy_tally import tally_proxy
    from search.suggest.suggestions import read_suggestions

    return tally_proxy(config, records, read_suggestions(folder.optuna_log, study=config.name))


def _proxy_lines(config: StudyConfig, tally: ProxyTally | None) -> Sequence[str]:
    if tally is None:
        return ()
    from search.suggest.proxy_tally import in_words

    return in_words(tally, config)


def _confirmation_json(folder: StudyFolder) -> dict[str, Any] | None:
    confirmation = _confirmation(folder)
    if confirmation is None:
        return None
    from search.replicates.confirm_table import confirmation_json

    return confirmation_json(confirmation)


def _print_confirmation(folder: StudyFolder, console: Console) -> None:
    confirmation = _confirmation(folder)
    if confirmation is not None:
        from search.replicates.confirm_table import confirm_table
        from search.replicates.verdict import verdict

        console.print(confirm_table(confirmation, console.width))
        for line in verdict(confirmation):
            say_sentence(line)


def _confirmation(folder: StudyFolder) -> Confirmation | None:
    """Result of ``confirm``; None before its first trial, since reading it imports torch."""
    if not folder.confirm.trials.is_file():
        return None
    from search.replicates.confirm import read_confirmation

    return read_confirmation(folder)
