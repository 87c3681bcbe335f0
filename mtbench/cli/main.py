"""The command line. Exit codes: 0 all good, 1 a run failed, 2 wrong suite, plugin or command."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mtbench.errors import MtbenchError, did_you_mean

from .arguments import make_parser, spell_out

if TYPE_CHECKING:
    from rich.console import Console

    from mtbench.plugin.registry import Registry
    from mtbench.plugin.run import Run
    from mtbench.suite.suite import Suite


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after `mtbench`; default: those of the process.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = make_parser(_COMMANDS).parse_args(spell_out(words))
    if getattr(options, "data_dir", None):
        os.environ["TFDS_DATA_DIR"] = str(options.data_dir)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # warnings of C++ code, not its information
    logging.getLogger("absl").setLevel(logging.ERROR)  # deprecations inside tfds
    try:
        return int(options.command(options))
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
    """Run `main` as a process of its own."""
    code = main()
    gc.freeze()  # the end of the process frees everything: nearly a second of collecting less
    sys.exit(code)


def _console(stderr: bool = False) -> Console:
    """A console; a pipe gets lines wide enough not to be wrapped."""
    from rich.console import Console  # noqa: PLC0415 - `--help` does without

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 160
    return Console(file=stream, width=width, highlight=False)


def _registry(options: argparse.Namespace) -> Registry:
    """The installed plugins and those of `-p`."""
    from mtbench.plugin.registry import installed  # noqa: PLC0415

    registry = installed()
    for path in options.plugins:
        registry.load_file(path)
    return registry


def _load(options: argparse.Namespace) -> tuple[Registry, Suite]:
    from mtbench.suite.reader import load_suite  # noqa: PLC0415

    registry = _registry(options)
    suite = load_suite(
        options.suite,
        registry,
        overrides=options.overrides,
        seeds=options.seeds,
        synthetic=options.synthetic,
    )
    for plugin, reason in registry.failed.items():
        print(f"mtbench: warning: plugin {plugin} failed to load: {reason}", file=sys.stderr)
    return registry, suite


def _planned(options: argparse.Namespace) -> tuple[Registry, Suite, Sequence[Run], Path]:
    from mtbench.runs.plan import make_plan  # noqa: PLC0415

    registry, suite = _load(options)
    return (
        registry,
        suite,
        make_plan(suite, registry, options.scenarios),
        options.results / suite.name,
    )


def _run(options: argparse.Namespace) -> int:
    """`mtbench run`."""
    from mtbench.records import store as records  # noqa: PLC0415
    from mtbench.runs import execute as runner  # noqa: PLC0415
    from mtbench.runs import observers as tracking  # noqa: PLC0415

    from .progress import TerminalProgress  # noqa: PLC0415

    registry, suite, plan, folder = _planned(options)
    todo = runner.pending(plan, folder, options.force)
    console = _console(stderr=True)
    if len(todo) < len(plan):
        done = len(plan) - len(todo)
        console.print(f"{done} of {len(plan)} runs are done already (--force does them again)")
    warnings.simplefilter("default", RuntimeWarning)
    for text in dict.fromkeys(options.track):
        tracking.start(text, registry)
    with TerminalProgress(console, len(todo), suite.train.epochs) as progress:
        registry.hooks.register(progress)
        for _ in runner.execute(suite, todo, registry, folder):
            pass
    found = [records.read(records.path_of(folder, run.id)) for run in plan]
    _show(found, options.format)
    return 0 if all(record["status"] == "ok" for record in found) else 1


def _show(found: Sequence[Mapping[str, Any]], form: str, problems: Sequence[str] = ()) -> None:
    """Print a report of records."""
    from mtbench import report  # noqa: PLC0415
    from mtbench.report.formats import table  # noqa: PLC0415

    summary = report.summarize(found, problems)
    if form == "table":
        table(summary, _console())
    else:
        sys.stdout.write(report.FORMATS[form](summary))


def _check(options: argparse.Namespace) -> int:
    """`mtbench check`."""
    _, suite = _load(options)
    runs = len(suite.scenarios) * len(suite.seeds)
    sizes = f"{len(suite.scenarios)} scenarios × {len(suite.seeds)} seeds"
    print(f"{options.suite}: valid; {sizes} = {runs} runs")
    return 0


def _plan(options: argparse.Namespace) -> int:
    """`mtbench plan`."""
    from mtbench.runs import execute as runner  # noqa: PLC0415

    _, _, plan, folder = _planned(options)
    todo = {run.id for run in runner.pending(plan, folder)}
    for run in plan:
        state = "to do" if run.id in todo else "done "
        print(f"{state}  {run.id}  {run.scenario.name}  seed {run.seed}")
    print(f"{len(plan)} runs, {len(plan) - len(todo)} done in {folder}")
    return 0


def _schema(options: argparse.Namespace) -> int:
    """`mtbench schema`."""
    import json  # noqa: PLC0415

    from mtbench.suite.schema import suite_schema  # noqa: PLC0415

    print(json.dumps(suite_schema(_registry(options)), indent=2))
    return 0


def _plugins(options: argparse.Namespace) -> int:
    """`mtbench plugins`."""
    from mtbench.plugin.kinds import KINDS  # noqa: PLC0415

    from . import describe  # noqa: PLC0415

    registry = _registry(options)
    if options.kind is not None and options.kind not in KINDS:
        raise MtbenchError(f"unknown kind {options.kind!r}{did_you_mean(options.kind, KINDS)}")
    if options.name is None:
        describe.components(registry, options.kind, _console())
    else:
        cls = registry.find(options.kind, options.name)
        describe.component(cls, registry.origin(cls), _console())
    return 0


def _check_plugin(options: argparse.Namespace) -> int:
    """`mtbench check-plugin`."""
    registry = _registry(options)
    path = Path(options.what)
    if path.suffix == ".py" or path.is_file():
        before = {cls for cls, _ in registry}
        registry.load_file(path)
        found = [cls for cls, _ in registry if cls not in before]
        if not found:
            raise MtbenchError(f"{path}: offers no component to check")
    else:
        found = [cls for cls, _ in registry if cls.name == options.what]
        if not found:
            near = did_you_mean(options.what, [cls.name for cls, _ in registry])
            raise MtbenchError(f"no file and no component {options.what!r}{near}")
    from mtbench.plugin.lazy import quiet_stderr  # noqa: PLC0415

    with quiet_stderr():
        from mtbench.testing import contract  # noqa: PLC0415 - imports TensorFlow
        from mtbench.train.trainer import devices  # noqa: PLC0415

        devices()
    broken = 0
    for cls in found:
        print(f"{cls.kind} {cls.name}")
        for demand, fault in contract(cls):
            print(f"  FAILED  {demand}: {fault}" if fault else f"  ok      {demand}", flush=True)
            broken += fault is not None
    print(f"{broken} clauses do not hold" if broken else "the contract holds")
    return 1 if broken else 0


def _report(options: argparse.Namespace) -> int:
    """`mtbench report`."""
    from mtbench.records import store as records  # noqa: PLC0415

    found, problems = records.read_folder(options.folder)
    if options.html is None:
        _show(found, options.format, problems)
        if options.format == "csv":  # which has no place for them
            _warn(problems)
        return 0
    from mtbench.report.page.page import page  # noqa: PLC0415

    users = {r["run_id"]: records.read_by_query(options.folder, r["run_id"]) for r in found}
    text = page(found, problems, users)
    records.put(options.html, lambda stream: stream.write(text.encode()))
    print(f"{options.html}: {len(found)} records")
    return 0


def _compare(options: argparse.Namespace) -> int:
    """`mtbench compare`."""
    from mtbench.regress.compare import compare, to_text  # noqa: PLC0415

    found = compare(options.a, options.b, anyway=options.anyway, every_metric=options.all)
    sys.stdout.write(to_text(found))
    return 0


def _gate(options: argparse.Namespace) -> int:
    """`mtbench gate`."""
    from mtbench.regress.gate import gate  # noqa: PLC0415

    outcome = gate(
        options.baseline,
        options.current,
        limits=options.limits,
        options=options.limited,
        anyway=options.anyway,
        strict=options.strict,
    )
    sys.stdout.write(outcome.to_text())
    return outcome.exit_code


def _export(options: argparse.Namespace) -> int:
    """`mtbench export`."""
    from mtbench.records.tables import export  # noqa: PLC0415

    _warn(export(options.folder, options.target, runs=options.runs, every=options.every))
    return 0


def _warn(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"mtbench: warning: {note}", file=sys.stderr)


def _import(options: argparse.Namespace) -> int:
    """`mtbench data import`."""
    from mtbench.errors import DataError  # noqa: PLC0415
    from mtbench.plugin.dataset import Dataset  # noqa: PLC0415

    registry = _registry(options)
    datasets = [cls for cls, _ in registry if issubclass(cls, Dataset)]
    if not options.archive.is_file():
        what = "is a folder, expected an archive" if options.archive.is_dir() else "no such file"
        raise DataError(f"{options.archive}: {what}")
    try:
        for cls in datasets:
            if target := cls.bring(options.archive):
                print(f"{options.archive} is an official archive of {cls.name}; copied to {target}")
                return 0
    except OSError as error:
        raise DataError(f"{options.archive}: cannot be copied: {error}") from error
    known = ", ".join(cls.name for cls in datasets)
    raise DataError(f"{options.archive}: not an official archive of any dataset ({known})")


_COMMANDS = {
    "run": _run,
    "check": _check,
    "plan": _plan,
    "schema": _schema,
    "plugins": _plugins,
    "check-plugin": _check_plugin,
    "report": _report,
    "compare": _compare,
    "gate": _gate,
    "export": _export,
    "import": _import,
}
