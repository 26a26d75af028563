"""``reservoir-search replay``: a search over recorded trials, in simulated time."""

from __future__ import annotations

from typing import Annotated

import typer


def replay(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="Table file, or name or folder of a study.", show_default=False
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a default, e.g. search.algorithm=random."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of searches, with seeds 1, 2, …")] = 1,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Trials at a time, in simulated time.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Replay a search on recorded trials, without training: minutes instead of days.

    TABLE must hold the whole curve of every candidate; record it with
    search.algorithm = "grid" and scheduler.name = "none". Search, scheduler and
    Ray Tune are those of `run`, with their defaults; recorded points are reported
    to them in the order of the recorded seconds. Compare the cost of two settings:

        reservoir-search replay TABLE --seeds 5

        reservoir-search replay TABLE --seeds 5 --set scheduler.name=none
    """
    from search.replay.recorded_studies import open_table
    from search.replay.results_table import replay_json, replay_table
    from search.replay.run import replay_seeds
    from search.replay.settings import replayed_study
    from search.study.console import output, say_json

    recorded = open_table(table)
    config = replayed_study(recorded, settings or [])
    replays = replay_seeds(recorded, config, n_seeds=seeds, n_workers=workers)
    results = replay_json(config, replays, n_workers=workers)
    if as_json:
        say_json(results)
    else:
        output().print(replay_table(results))
