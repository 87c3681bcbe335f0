"""What is done from Python, and by the commands: load a suite, run it, advise on it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbench.errors import MtbenchError
from mtbench.evidence import MARGIN
from mtbench.plugin.registry import Registry, installed
from mtbench.records import store
from mtbench.runs.observers import Observers
from mtbench.suite.advice import STRATEGIES, advice_suite
from mtbench.suite.reader import load_suite as read_suite
from mtbench.suite.suite import Suite
from mtbench.workers.agenda import Agenda, Wanted
from mtbench.workers.driver import Driver

from .results import Advice, Results

if TYPE_CHECKING:
    from mtbench.runs.progress import TerminalProgress

Source = str | os.PathLike[str] | Mapping[str, Any] | Suite
"""A suite: its file, what such a file says as a mapping, or one that was loaded."""


def load_suite(
    suite: Source,
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seeds: int | Sequence[int] | str | None = None,
    synthetic: bool = False,
    plugins: Iterable[str | os.PathLike[str]] = (),
) -> Suite:
    """Read and validate a suite.

    Args:
        suite: Its file, or what such a file says as a mapping.
        overrides: `key.path=value` lines, or a mapping of key paths to values.
        seeds: Replace the seeds: `5` for 0 to 4, or a list.
        synthetic: Put the dataset's synthetic stand-in in its place.
        plugins: Python files with further plugins.

    Raises:
        SuiteError: With every fault of the suite, its line and key.
        PluginError: A plugin cannot be loaded.
    """
    return _loaded(suite, _registry(plugins), overrides, seeds, synthetic)


def run(  # noqa: PLR0913 - keywords of a user's call
    suite: Source,
    *,
    scenarios: Sequence[str] = (),
    seeds: int | Sequence[int] | str | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    results: str | os.PathLike[str] = "results",
    progress: bool = True,
    synthetic: bool = False,
    plugins: Iterable[str | os.PathLike[str]] = (),
    track: Iterable[str] = (),
    force: bool = False,
    save_models: bool = False,
    executor: str | Mapping[str, Any] | None = None,
) -> Results:
    """Run a suite as `mtbench run` does, and return what came of it.

    What is done already is not done again; a run that fails is a record with the status `failed`.

    Args:
        suite: Its file, what such a file says as a mapping, or one that was loaded.
        scenarios: Only these, by name; default: all.
        seeds: As for `load_suite`.
        overrides: As for `load_suite`.
        results: Records go to this folder, in one of the suite's name.
        progress: Show on the standard error how it goes.
        synthetic: As for `load_suite`.
        plugins: As for `load_suite`.
        track: Observers that are to be told, `NAME` or `NAME:WHERE`.
        force: Do again what is done.
        save_models: Store the weights beside each record, for `load_model`.
        executor: Where runs are executed, in place of what the suite says: a name, such as
            `inline` for this process, or name and options.

    Raises:
        SuiteError: With every fault of the suite, its line and key.
        DataError: The data is not there, or cannot be divided.
        MtbenchError: A plugin, an observer or the folder is at fault.
    """
    registry = _registry_of(suite, plugins)
    lines = _lines_of(overrides)
    if executor is not None:
        lines.append(f"executor={json.dumps(executor)}")
    loaded = _loaded(suite, registry, lines, seeds, synthetic)
    arms = [scenarios] if isinstance(scenarios, str) else scenarios
    wanted = Wanted(arms, again=force, models=save_models)
    return run_suite(loaded, registry, results, wanted, progress=progress, track=track)


def advise(  # noqa: PLR0913 - keywords of a user's call
    suite: Source,
    *,
    scenario: str | None = None,
    strategies: Sequence[str] = STRATEGIES,
    trials: int | None = None,
    margin: float = MARGIN,
    seeds: int | Sequence[int] | str | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    results: str | os.PathLike[str] = "results",
    progress: bool = True,
    synthetic: bool = False,
    plugins: Iterable[str | os.PathLike[str]] = (),
) -> Advice:
    """Say whether to train the tasks of a suite together, and with which weighting.

    Each task alone, a tuned constant weighting and some strategies are run, with the same trials
    and seeds, in the folder `<suite>-advise`; what is done already is not done again.

    Args:
        suite: As for `run`. Its own scenarios are not run.
        scenario: What it trains, with its towers, labels and training, is what is asked about;
            default: the first of those with the most tasks.
        strategies: Weightings besides the tuned constant.
        trials: Of each arm; default: the suite's, or 8.
        margin: Percent of a metric within which a difference is none that matters.
        seeds: As for `run`; default: those of the suite where it says some, or 10.
        overrides: As for `run`.
        results: As for `run`.
        progress: As for `run`.
        synthetic: As for `run`.
        plugins: As for `run`.

    Raises:
        SuiteError: The suite is at fault, has no several tasks, or no validation part.
        RecordError: No run of a task alone, or of several together, went well.
    """
    registry = _registry_of(suite, plugins)
    loaded = _loaded(suite, registry, overrides, seeds, synthetic)
    arms = advice_suite(loaded, registry, scenario=scenario, strategies=strategies, trials=trials)
    return run_suite(arms, registry, results, progress=progress).advice(margin=margin)


def run_suite(
    suite: Suite,
    registry: Registry,
    results: str | os.PathLike[str] = "results",
    wanted: Wanted | None = None,
    *,
    progress: bool = True,
    track: Iterable[str] = (),
) -> Results:
    """Do what of a suite is to be done, and read all of it; see `run`."""
    folder = Path(results) / suite.name
    wanted = wanted or Wanted()
    if wanted.speed:
        do(suite, registry, folder, replace(wanted, speed=False), progress=progress, track=track)
        suite, wanted = alone(suite), replace(wanted, again=True)
    agenda = do(suite, registry, folder, wanted, progress=progress, track=track)
    found = [
        agenda.found.get(run.id) or store.read(store.path_of(folder, run.id)) for run in agenda.plan
    ]
    return replace(Results.of(found), folder=folder, main=suite.main)


def alone(suite: Suite) -> Suite:
    """The same suite where no run is beside another."""
    executor = suite.executor
    if executor is None or "workers" not in type(executor).model_fields:
        return suite
    return replace(suite, executor=executor.model_copy(update={"workers": 1}))


def do(
    suite: Suite,
    registry: Registry,
    folder: Path,
    wanted: Wanted,
    *,
    progress: bool = True,
    track: Iterable[str] = (),
) -> Agenda:
    """Do what of a suite is wanted and is not done.

    Args:
        suite: The suite.
        registry: Where its components come from.
        folder: Of its results.
        wanted: What of it.
        progress: As for `run`.
        track: As for `run`.
    """
    observers = Observers(registry, track)
    store.prepare_folder(store.trials_of(folder) if suite.tune else folder)
    agenda = Agenda(suite, registry, folder, wanted)
    _tell_found(agenda, observers, folder)
    driver = Driver(suite, registry, agenda, observers)
    with contextlib.ExitStack() as stack:
        if progress:
            driver.shown = stack.enter_context(_shown(agenda, lambda: driver.training_rows))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default", RuntimeWarning)
        driver.work()
    agenda.note()  # where all of it was done before
    return agenda


def _tell_found(agenda: Agenda, observers: Observers, folder: Path) -> None:
    """Tell observers that ask for it of the runs that are done already."""
    if observers.ask_for_found:
        for run in agenda.plan:
            if run.id in agenda.found:
                observers.tell("mtbench_run_found", run.run, record=agenda.found[run.id])


def _shown(agenda: Agenda, rows: Callable[[], int | None]) -> TerminalProgress:
    """What shows how the runs go; it says that some are done."""
    from mtbench.report.terminal import console  # noqa: PLC0415 - imports rich
    from mtbench.runs.progress import progress  # noqa: PLC0415

    planned, todo = len(agenda.plan), len(agenda.todo)
    if todo < planned:
        console(sys.stderr).print(
            f"{planned - todo} of {planned} runs are done already (--force does them again)"
        )
    return progress(agenda.runs_left(), rows)


def _lines_of(overrides: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Overrides as lines, `key.path=value`."""
    if isinstance(overrides, Mapping):
        return [f"{key}={json.dumps(value)}" for key, value in overrides.items()]
    return [overrides] if isinstance(overrides, str) else list(overrides)


def _registry(plugins: Iterable[str | os.PathLike[str]]) -> Registry:
    """The installed plugins, and those of files."""
    registry = installed()
    for path in plugins:
        registry.load_file(Path(path))
    return registry


def _registry_of(suite: Source, plugins: Iterable[str | os.PathLike[str]]) -> Registry:
    """The plugins that a loaded suite was read with, else `_registry`."""
    return (suite.registry if isinstance(suite, Suite) else None) or _registry(plugins)


def _loaded(
    suite: Source,
    registry: Registry,
    overrides: Sequence[str] | Mapping[str, Any],
    seeds: int | Sequence[int] | str | None,
    synthetic: bool,
) -> Suite:
    if isinstance(suite, Suite):
        if overrides or seeds is not None or synthetic:
            raise MtbenchError(
                "expected overrides, seeds and synthetic where a suite is loaded, found them with "
                "a loaded one"
            )
        return suite
    return read_suite(
        suite if isinstance(suite, Mapping) else Path(suite),
        registry,
        overrides=_lines_of(overrides),
        seeds=seeds if seeds is None or isinstance(seeds, str) else json.dumps(seeds),
        synthetic=synthetic,
    )
