"""The words of the command line: commands, options, help, and what is said of a wrong one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mtbench.errors import did_you_mean
from mtbench.version import __version__

FORMATS = ("table", "markdown", "csv", "json")
"""Named here, since `report` would import rich for `--help`."""


class _Parser(argparse.ArgumentParser):
    """argparse with our form of an error: one line, exit code 2, the nearest right word."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: --"):
            parsers = [p for action in self._actions for p in _parsers_of(action)]
            known = [name for parser in parsers for name in parser._option_string_actions]
            message += did_you_mean(message.split()[2], set(known))
        sys.stderr.write(f"{self.prog}: {message}\n")
        raise SystemExit(2)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            known = did_you_mean(str(value), map(str, action.choices))
            what = action.metavar or action.dest
            raise argparse.ArgumentError(None, f"unknown {what} {value!r}{known}")


def _parsers_of(action: argparse.Action) -> list[argparse.ArgumentParser]:
    """The parsers of the commands, if the action is the choice of a command."""
    return list(action.choices.values()) if isinstance(action.choices, dict) else []


def spell_out(words: Sequence[str]) -> list[str]:
    """Turn `gate`'s options for any metric into one that argparse knows.

    `--max-rmse-increase 0.01` and `--max-rmse-increase=0.01` become `--max rmse-increase=0.01`.
    """
    given, found = list(words), []
    while given:
        word = given.pop(0)
        if words[0] == "gate" and word.startswith("--max-"):
            name, equals, value = word.removeprefix("--max-").partition("=")
            if not equals and given and not given[0].startswith("--"):
                value, equals = given.pop(0), "="
            found += ["--max", f"{name}{equals}{value}"]
        else:
            found.append(word)
    return found


def make_parser(
    commands: Mapping[str, Callable[[argparse.Namespace], int]],
) -> argparse.ArgumentParser:
    """Make the parser; each command's options carry the function that does it as `command`.

    Args:
        commands: That function for each command.
    """
    parser: argparse.ArgumentParser = _Parser(
        prog="mtbench",
        description="Multi-task recommender benchmarks: ranking, retrieval and joint training.",
    )
    parser.add_argument("--version", action="version", version=f"mtbench {__version__}")
    parsers: Any = parser.add_subparsers(metavar="COMMAND", required=True)

    plugin = argparse.ArgumentParser(add_help=False)
    plugin.add_argument(
        "-p", dest="plugins", action="append", default=[], type=Path, metavar="FILE",
        help="Python file with further plugins",
    )  # fmt: skip
    suite = argparse.ArgumentParser(add_help=False, parents=[plugin])
    suite.add_argument("suite", type=Path, metavar="SUITE", help="YAML file")
    suite.add_argument(
        "-o", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
        help="replace a value of the suite, such as train.epochs=5",
    )  # fmt: skip
    suite.add_argument("--seeds", metavar="N", help="10 for seeds 0 to 9, or a list: 3,4 or [3]")
    suite.add_argument(
        "--synthetic", action="store_true",
        help="made-up data of the same shape, marked as such in records and reports",
    )  # fmt: skip
    runs = argparse.ArgumentParser(add_help=False, parents=[suite])
    runs.add_argument(
        "--scenario", dest="scenarios", action="append", default=[], metavar="NAME",
        help="only this scenario; may be repeated",
    )  # fmt: skip
    runs.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR",
        help="records go to DIR/<suite>; default: results",
    )  # fmt: skip
    form = argparse.ArgumentParser(add_help=False)
    form.add_argument("--format", choices=FORMATS, default="table", metavar="FORMAT",
                      help=f"one of {', '.join(FORMATS)}")  # fmt: skip
    data_dir = argparse.ArgumentParser(add_help=False)
    data_dir.add_argument(
        "--data-dir", type=Path, metavar="DIR",
        help="tensorflow-datasets folder; default: $TFDS_DATA_DIR, or ~/tensorflow_datasets",
    )  # fmt: skip

    def command(
        name: str, about: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = parsers.add_parser(
            name, help=about, description=about, parents=parents
        )
        added.set_defaults(command=commands.get(name))
        return added

    run = command("run", "run a suite and report", runs, form, data_dir)
    run.add_argument("--force", action="store_true", help="do again what is done")
    run.add_argument(
        "--track", action="append", default=[], metavar="NAME[:WHERE]",
        help="let an observer be told of the runs; may be repeated",
    )  # fmt: skip
    command("check", "validate a suite", suite)
    command("plan", "list the runs of a suite, and which of them are done", runs)
    command("schema", "print the JSON Schema of a suite, for editors", plugin)
    plugins = command("plugins", "list components, or the options of one", plugin)
    plugins.add_argument(
        "kind", nargs="?", help="dataset, split, tower, task, weighting or observer"
    )
    plugins.add_argument("name", nargs="?", help="component whose options to show")
    contract = command("check-plugin", "hold the components of a plugin to their contract", plugin)
    contract.add_argument("what", metavar="FILE|NAME", help="a Python file, or a component's name")
    report = command("report", "report on a folder of records", form)
    report.add_argument("folder", type=Path, metavar="DIR", help="such as results/ml100k")
    report.add_argument("--html", type=Path, metavar="FILE", help="write a page instead")
    _evidence(command)
    data = command("data", "bring data in")
    bring = data.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "import", parents=[data_dir, plugin], help="put an official archive where tfds looks for it"
    )
    bring.add_argument("archive", type=Path, metavar="ARCHIVE", help="such as ml-100k.zip")
    bring.set_defaults(command=commands["import"])
    return parser


def _evidence(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the commands about two folders of records, and the one that makes tables."""
    compare = command("compare", "say what differs between two folders of records")
    gate = command("gate", "hold a folder of records to a baseline; exit code 1 on a breach")
    for parser_, first, second in ((compare, "a", "b"), (gate, "baseline", "current")):
        parser_.add_argument(first, type=Path, metavar=first.upper())
        parser_.add_argument(second, type=Path, metavar=second.upper())
        parser_.add_argument(
            "--anyway", action="store_true", help="compare different data and protocols too"
        )
    compare.add_argument("--all", action="store_true", help="all metrics of all tasks")
    gate.add_argument(
        "--max", dest="limited", action="append", default=[], metavar="LIMIT=VALUE",
        help="rmse-increase=0.01, top_100_seen_removed-decrease=0.01, slowdown=1.3 or "
        "memory-growth=1.2; also --max-rmse-increase 0.01; default: every headline metric, "
        "slowdown and memory-growth",
    )  # fmt: skip
    gate.add_argument("--limits", type=Path, metavar="FILE", help="limits, as YAML")
    gate.add_argument(
        "--strict", action="store_true", help="what the results do not settle is a breach as well"
    )
    export = command("export", "write a folder's metrics as a table, a row a value")
    export.add_argument("folder", type=Path, metavar="DIR", help="such as results/ml100k")
    export.add_argument("target", type=Path, metavar="FILE", help=".parquet or .csv")
    export.add_argument("--runs", action="store_true", help="a row a run: times, sizes, options")
    export.add_argument("--every", action="store_true", help="records of other versions too")
