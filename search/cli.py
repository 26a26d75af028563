"""The command line: ``reservoir-search``, also ``python -m search``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

import click
import typer

from search.commands import data, export, layout, resume, run, show, translate, ui
from search.errors import WorkFailed
from spaces.errors import UserError

app = typer.Typer(
    name="reservoir-search",
    help="Search the layer layouts of reservoir Transformers: which layers are random and "
    "frozen (R), which learn (L), in which order, which share weights.\n\n"
    "A first search: reservoir-search data grammar --out data/grammar, then "
    "reservoir-search run studies/quickstart.toml, then reservoir-search export quickstart.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.command()(layout.layout)
app.command()(run.run)
app.command()(resume.resume)
app.command()(show.show)
app.command()(ui.ui)
app.command()(export.export)
app.command()(translate.translate)


def main() -> None:
    """The console script."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("search").setLevel(logging.INFO)
    logging.getLogger("fairseq").setLevel(logging.WARNING)
    sys.exit(exit_code(lambda: app(standalone_mode=False)))


def exit_code(work: Callable[[], object]) -> int:
    """Run ``work``: 0 done, 1 it failed, 2 the user's mistake, 130 interrupted."""
    try:
        work()
    except UserError as error:
        for line in str(error).split("\n"):
            print(f"error: {line}", file=sys.stderr)
        return 2
    except click.ClickException as error:
        print(f"error: {error.format_message()}; see --help", file=sys.stderr)
        return 2
    except WorkFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, click.Abort):
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    return 0
