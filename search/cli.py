"""The command line: ``reservoir-search``, also ``python -m search``."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from importlib import metadata
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from search.commands import (
    confirm,
    data,
    doctor,
    dynamics,
    export,
    fetch,
    init,
    layout,
    list_studies,
    predict,
    rank,
    replay,
    report,
    reproduce,
    resume,
    run,
    schema,
    show,
    submit,
    translate,
    ui,
    validate,
)
from search.run.interrupts import INTERRUPTED, interrupt_by_signals, raise_no_more
from search.study.console import VisibleFormatter, errors_in_one_line, say, tell
from search.study.errors import NOT_FINISHED, NotFinished, WorkFailed
from search.study.process_environment import settle_libraries
from spaces.errors import UserError
from trainable.atomic import write_for_the_owner

# Subcommands by the panel of the help that lists them; ``data`` comes before all.
PANELS: Mapping[str, tuple[Callable[..., None], ...]] = MappingProxyType(
    {
        "Prepare": (init.init, validate.validate, schema.schema, layout.layout),
        "Search": (run.run, resume.resume, confirm.confirm, replay.replay),
        "Look": (
            list_studies.list_studies,
            show.show,
            rank.rank,
            report.report,
            ui.ui,
            doctor.doctor,
            dynamics.dynamics,
        ),
        "Use": (export.export, translate.translate, predict.predict),
        "Paper": (reproduce.reproduce,),
        "Cluster": (submit.submit, fetch.fetch),
    }
)


class DataFirst(TyperGroup):
    """Subcommands in the order of a first search; Typer lists groups of commands last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: name != "data")


app = typer.Typer(
    name="reservoir-search",
    cls=DataFirst,
    help="Search the layer layouts of reservoir Transformers: which layers are random and "
    "frozen (R), which learn (L), in which order, which share weights.\n\n"
    "A study is one search; its trials are the models it trains; AUCC is the area under the "
    "validation curve.\n\n"
    "A first search:\n\n"
    "    reservoir-search data grammar --out data/grammar\n\n"
    "    reservoir-search run studies/quickstart.toml\n\n"
    "    reservoir-search export quickstart",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data", rich_help_panel="Prepare")
for panel, commands in PANELS.items():
    for command in commands:
        app.command(command.__name__.partition("_")[0], rich_help_panel=panel)(command)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"reservoir-search {metadata.version('reservoir-search')}")
        raise typer.Exit


@app.callback()
def settings_of_all_commands(
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Log warnings and errors alone.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log what libraries tell, too.")
    ] = False,
) -> None:
    """Set how much is logged, before any command."""
    if quiet and verbose:
        raise UserError("--quiet --verbose: give one of them")
    if quiet:
        logging.getLogger("search").setLevel(logging.WARNING)
    if verbose:
        for name in ("", "search", "fairseq"):
            logging.getLogger(name).setLevel(logging.INFO)


def main() -> None:
    """Run the console script ``reservoir-search``."""
    write_for_the_owner()
    settle_libraries()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' warnings to developers; python -W shows them
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleFormatter("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("search").setLevel(logging.INFO)
    logging.getLogger("fairseq").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells each attempt
    logging.raiseExceptions = False  # a log that cannot be written is no reason for a traceback
    # MLflow logs a traceback of errors that it also raises; search/tracking logs them in a line.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    errors_in_one_line()
    try:
        code = exit_code(_run_command)
        raise_no_more()
    except KeyboardInterrupt:  # a second Ctrl-C came while the first was reported
        code = INTERRUPTED
    except Exception:  # noqa: BLE001 - a fault of ours, whose traceback may hold others' text
        tell(traceback.format_exc().rstrip("\n"))
        code = 1
    raise_no_more()
    sys.exit(code)


def _run_command() -> object:
    interrupt_by_signals()
    return app(standalone_mode=False)


def exit_code(work: Callable[[], object]) -> int:
    """Run ``work`` and give the exit code.

    0 done, 1 failed, 2 user's mistake, 75 not finished in the time of --for, 130 interrupted.
    """
    try:
        result = work()
    except UserError as error:
        for line in str(error).split("\n"):
            tell(f"error: {line}")
        return 2
    except typer.TyperException as error:  # a wrong option or argument
        message = getattr(error, "format_message", error.__str__)()
        message = message.replace("Value error, ", "").replace(": Input should", ": it should")
        if message:  # empty where the whole help was printed
            ending = " See --help" if message.endswith("?") else "; see --help"
            tell(f"error: {message.rstrip('.')}{ending}")
        return 2
    except WorkFailed as error:
        tell(f"failed: {error}")
        return 1
    except NotFinished as error:
        tell(f"not finished: {error}")
        return NOT_FINISHED
    except OSError as error:
        return _of_the_system(error)
    except KeyboardInterrupt:
        result = INTERRUPTED
    if result == INTERRUPTED:  # Typer turns Ctrl-C into this value
        tell("interrupted")
        return INTERRUPTED
    return 0


def _of_the_system(error: OSError) -> int:
    """Exit code for a file that cannot be read or written, or for a full disk.

    Raises:
        OSError: ``error`` itself, if it is of another kind.
    """
    if error.errno == errno.EPIPE:  # the reader of our output closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if error.filename is None and error.errno != errno.ENOSPC:
        raise error
    tell(f"failed: {error.filename or 'the disk'}: {error.strerror}")
    return 1
