"""The command line. Exit codes: 0 all good, 1 a run failed or a gate is breached, 2 wrong input."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import NoReturn

import click

from mtbench.errors import MtbenchError
from mtbench.files import reason
from mtbench.version import __version__

from .output import exit_code_of, outputs
from .words import Group

COMMANDS = {
    "run": ("run:run", "run a suite and report"),
    "advise": (
        "advise:advise",
        "say whether to train the tasks of a suite together, and with which weighting",
    ),
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
    "merge": ("records:merge", "put folders of results together, such as those of shards"),
    "clean": ("records:clean", "remove records of older versions, or the cache"),
    "init": ("new:init", "look at a file of yours and write a suite for it"),
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

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what C++ code logs is raised as well
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
    with outputs() as (output, error):
        code = _run(list(words))
        output.flush()
        return exit_code_of(code, output, error)


def _run(words: list[str]) -> int:
    """Run a command; what is wrong is said in lines of their own."""
    try:
        with commands.make_context("mtbench", words) as context:
            return int(commands.invoke(context))
    except click.exceptions.Exit as asked:  # what was asked for is printed
        raise SystemExit(asked.exit_code) from None
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "mtbench"
        print(f"{where}: {' '.join(error.format_message().split())}", file=sys.stderr)
    except MtbenchError as error:
        from mtbench.text import escaped  # noqa: PLC0415 - `--help` does without

        for line in map(escaped, str(error).split("\n")):
            print(f"mtbench: {line}" if not line.startswith(" ") else line, file=sys.stderr)
    except OSError as error:  # of a folder without permission, a name too long, a full disk
        file = f"{error.filename}: " if error.filename else ""
        print(f"mtbench: {file}{reason(error)}", file=sys.stderr)
    except SystemExit as error:  # of a plugin's code: that it ends is no success
        print(
            f"mtbench: a plugin called sys.exit({error.code!r}), which ended the command",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print(
            "mtbench: interrupted; what is stored is whole, run again for the rest", file=sys.stderr
        )
        return 130
    return 2


GRACE_S = 20.0
"""How long threads that a plugin has left may go on after a command."""


def script() -> NoReturn:
    """Run `main` as a process of its own, or answer a shell that completes a word."""
    if asked := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete  # noqa: PLC0415

        sys.exit(shell_complete(commands, {}, "mtbench", COMPLETE, asked))
    code = main()
    if threading.active_count() > 1:  # which Python would wait for
        threading.Thread(target=_leave, args=(code,), daemon=True).start()
    gc.freeze()  # the end of the process frees everything: nearly a second of collecting less
    sys.exit(code)


def _leave(code: int) -> None:
    """End the process after a while, whatever threads there are."""
    time.sleep(GRACE_S)
    left = [t.name for t in threading.enumerate() if not t.daemon and t.is_alive()]
    with outputs() as (_, error):
        error.write(f"mtbench: warning: left threads that do not end: {', '.join(left)}\n")
    os._exit(code)
