"""Trials of a study, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from search.costs.disk_usage import disk_usage
from search.study.config import StudyConfig
from search.study.console import output
from search.study.folder import StudyFolder
from search.study.ledger import sorted_records
from search.study.ranking import best_trial, pareto_front
from search.study.score_name import score_name
from search.study.trial_record import State, TrialRecord

if TYPE_CHECKING:
    from search.replicates.confirm import Confirmation
    from search.suggest.proxy_tally import ProxyTally


_ORDER: dict[State, int] = {"completed": 0, "stopped": 1, "running": 2, "failed": 3}


def study_json(folder: StudyFolder) -> dict[str, Any]:
    """Study as JSON: objective, trials, the best, ids on the Pareto front, proxy, ``confirm``."""
    config = folder.config()
    records = sorted_records(folder.trials)
    best = best_trial(records, config.objective)
    proxy = _proxy_tally(config, folder, records)
    return {
        "study": config.name,
        "objective": {
            "name": config.objective.name,
            "clock": config.objective.clock,
            "horizon": config.horizon,
            "parameters": config.objective.parameters,
        },
        "trials": [record.summary() for record in records],
        "best": None if best is None else best.summary(),
        "front": [record.id for record in pareto_front(records, config.objective)],
        "proxy": None if proxy is None else proxy.to_dict(),
        "confirm": _confirmation_json(folder),
    }


def study_table(folder: StudyFolder) -> None:
    """Print the trials, best first, the result of ``confirm``, and the disk used.

    Stars mark the trials on the Pareto front.
    """
    config = folder.config()
    records = sorted_records(folder.trials)
    front = {record.id for record in pareto_front(records, config.objective)}
    clock, parameters = config.objective.clock, config.objective.parameters
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title=f"study {config.name}: {config.objective.name} over {clock}, {parameters} parameters",
        title_justify="left",
    )
    table.add_column("trial", justify="right")
    table.add_column("encoder", overflow="fold", min_width=8)
    with_decoders = any(record.decoder.depth for record in records)
    if with_decoders:
        table.add_column("decoder", overflow="fold", min_width=4)
    table.add_column("state", no_wrap=True)
    for column in (clock, score_name(records), "AUCC", "M params", "objective", "*"):
        table.add_column(column, justify="right", no_wrap=True)
    for record in sorted(records, key=_place):
        table.add_row(*_cells(record, on_front=record.id in front, decoder=with_decoders))
    console = output()
    console.print(table)
    for record in records:
        if record.state == "failed":
            console.print(f"trial {record.id} failed: {record.reason}", markup=False)
    for line in _proxy_lines(config, _proxy_tally(config, folder, records)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    _print_confirmation(folder, console)
    console.print(str(disk_usage(folder)), markup=False, highlight=False, soft_wrap=True)


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
        from search.replicates.confirm_table import confirm_table, verdict

        console.print(confirm_table(confirmation))
        for line in verdict(confirmation):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _confirmation(folder: StudyFolder) -> Confirmation | None:
    """Result of ``confirm``; None before its first trial, since reading it imports torch."""
    if not folder.confirm.trials.is_file():
        return None
    from search.replicates.confirm import read_confirmation

    return read_confirmation(folder)


def _place(record: TrialRecord) -> tuple[int, float]:
    return _ORDER[record.state], -(record.objective or 0.0)


def _cells(record: TrialRecord, *, on_front: bool, decoder: bool) -> list[str]:
    def text(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return [
        str(record.id),
        record.canonical,
        *([str(record.decoder)] if decoder else []),
        record.state,
        text(record.clock, ".6g"),
        text(record.best_score, ".2f"),
        text(record.aucc, ".5g"),
        text(record.n_mparams, ".3f"),
        text(record.objective, ".5g"),
        "*" if on_front else "",
    ]
