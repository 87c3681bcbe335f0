"""The command line. Exit codes: 0 all good, 1 a run failed, 2 wrong suite, plugin or command."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from mtbench.errors import MtbenchError
from mtbench.version import __version__

from .words import Group

COMMANDS = {
    "run": ("run:run", "run a suite and report"),
    "tune": ("run:tune", "choose the options of a suite's scenarios and baselines"),
    "score": ("score:score", "score what another tool says, on the same parts"),
    "check": ("run:check", "validate a suite"),
    "plan": ("run:plan", "list the runs of a suite, and which of them are done"),
    "schema": ("plugins:schema", "print the JSON Schema of a suite, for editors"),
    "plugins": ("plugins:plugins", "list components, or the options of one"),
    "check-plugin": (
        "plugins:check_plugin",
        "hold the components of a plugin to their contract",
    ),
    "list": ("records:list_", "list the results there are below a folder, a suite a line"),
    "show": ("records:show", "show the record of a run"),
    "report": ("results:report", "report on a folder of records"),
    "compare": (
        "results:compare",
        "say what differs between folders of records, or scenarios of one",
    ),
    "gate": (
        "results:gate",
        "hold a folder of records to a baseline; exit code 1 on a breach",
    ),
    "export": ("results:export", "write a folder's metrics as a table, a row a value"),
    "clean": ("records:clean", "remove records of older versions, or the cache"),
    "new": ("new:new", "write a plugin or a suite to start from"),
    "data": ("data:data", "bring data in"),
    "doctor": ("doctor:doctor", "say what is installed here, what is missing and what to do"),
}
"""Each command: its file and function, and what it does, so that `--help` imports none."""
COMPLETE = "_MTBENCH_COMPLETE"
"""The variable by which a shell asks for completion: click's, with its values."""


@click.group(
    cls=Group,
    table=COMMANDS,
    help="Multi-task recommender benchmarks: ranking, retrieval and joint training.",
)
@click.version_option(
    __version__, message="mtbench %(version)s", help="show the version and exit"
)  # fmt: skip
def commands() -> None:
    """Keep what is not ours quiet, before any command."""
    import logging  # noqa: PLC0415 - `--help` does without

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # warnings of C++ code, not its information
    logging.getLogger("absl").setLevel(logging.ERROR)  # deprecations inside tfds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after `mtbench`; default: those of the process.

    Returns:
        The exit code.

    Raises:
        SystemExit: After `--help` and `--version`.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        with commands.make_context("mtbench", list(words)) as context:
            return int(commands.invoke(context))
    except click.exceptions.Exit as asked:  # what was asked for is printed
        raise SystemExit(asked.exit_code) from None
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "mtbench"
        print(f"{where}: {' '.join(error.format_message().split())}", file=sys.stderr)
        return 2
    except MtbenchError as error:
        for line in str(error).splitlines():
            print(f"mtbench: {line}" if not line.startswith(" ") else line, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "mtbench: interrupted; what is stored is whole, run again for the rest", file=sys.stderr
        )
        return 130
    except BrokenPipeError:  # `mtbench … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def script() -> NoReturn:
    """Run `main` as a process of its own, or answer a shell that completes a word."""
    if asked := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete  # noqa: PLC0415

        sys.exit(shell_complete(commands, {}, "mtbench", COMPLETE, asked))
    code = main()
    gc.freeze()  # the end of the process frees everything: nearly a second of collecting less
    sys.exit(code)
