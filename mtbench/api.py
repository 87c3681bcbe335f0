"""The entrance from Python: `mtbench.run`, `mtbench.load_suite`, and the results it gives."""

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

from mtbench import evidence
from mtbench.errors import MtbenchError, RecordError
from mtbench.evidence import MARGIN, Comparison, compare_scenarios, sentences
from mtbench.extras import require
from mtbench.plugin.registry import Registry, installed
from mtbench.records import results as records
from mtbench.records import store, tables
from mtbench.records.by_query import by_query_table
from mtbench.report import FORMATS, summarize
from mtbench.runs.observers import Observers
from mtbench.suite.advice import STRATEGIES, advice_suite
from mtbench.suite.reader import load_suite as read_suite
from mtbench.suite.suite import Suite
from mtbench.workers.agenda import Agenda, Wanted
from mtbench.workers.driver import Driver

if TYPE_CHECKING:
    from mtbench.runs.progress import TerminalProgress

Source = str | os.PathLike[str] | Mapping[str, Any] | Suite
"""A suite: its file, what such a file says as a mapping, or one that was loaded."""


class Results(records.Results):
    """What the runs of a suite came to."""

    def frame(self) -> Any:
        """Return every metric as a `pandas.DataFrame`, a row a value; see `mtbench.load_results`.

        Raises:
            MtbenchError: pandas is not installed.
        """
        return tables.metric_frame(self.records)

    def runs_frame(self) -> Any:
        """Return times, sizes and options as a frame, a row a run; see `mtbench.load_runs`.

        Raises:
            MtbenchError: pandas is not installed.
        """
        return tables.run_frame(self.records)

    def by_query(self) -> Any:
        """Return values by user, with the users' ids, as a `pandas.DataFrame`.

        A row for each run that went well, metric and user: columns `suite`, `kind`, `name`, `seed`,
        `task`, `metric`, `query` (the user's id), `value`, `run_id` and `question_id`; texts are
        categories. The mean over users is the metric where it is one of users, such as recall; of
        one of rows, such as RMSE, the value is the user's own, whose mean is another number.

        Raises:
            RecordError: It is not known where the records lie, or their files are not there.
            MtbenchError: pandas is not installed.
        """
        require("pandas", "tables")
        if self.folder is None:
            raise RecordError("expected results of a folder, found records alone")
        return by_query_table(self.folder, self.records).to_pandas()

    def compare(
        self, a: str, b: str, *, metrics: Sequence[str] | None = None, confidence: float = 0.95
    ) -> Differences:
        """Compare scenario b with scenario a over the seeds they share, as one family of tests.

        Args:
            a: Name of the scenario, or baseline, that is compared with.
            b: Name of the scenario, or baseline, that the comparison is about.
            metrics: `task/metric` names; default: the headline metrics of tasks that both train.
            confidence: Of the intervals; 1 − confidence is the level of the verdicts.

        Raises:
            RecordError: A name is unknown, or the two have nothing in common.
        """
        return Differences(
            compare_scenarios(self, metrics=metrics, pairs=[(a, b)], confidence=confidence)
        )

    def advice(self, *, margin: float = MARGIN) -> Advice:
        """Say whether to train the tasks together, by what there is: see `mtbench.advise`.

        Args:
            margin: Percent of a metric within which a difference is none that matters.

        Raises:
            RecordError: There are no results of a task alone, and of several together.
        """
        return Advice(self, margin)

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the page of the results, one file that loads nothing, and return where it lies.

        Raises:
            RecordError: There is no record, or the file cannot be written.
            MtbenchError: matplotlib is not installed.
        """
        from mtbench.report.page.page import page  # noqa: PLC0415 - imports matplotlib

        text = page(self)
        target = Path(path)
        store.put(target, lambda stream: stream.write(text.encode()))
        return target

    def to_markdown(self) -> str:
        """Return every metric, floors beside them, as Markdown tables."""
        return FORMATS["markdown"](summarize(self))

    def _repr_html_(self) -> str:
        """Show the short table in a notebook."""
        from mtbench.report.formats import notebook  # noqa: PLC0415

        return notebook(summarize(self))


class Differences(list[Comparison]):
    """Comparisons of two scenarios; printed, they are sentences."""

    def __str__(self) -> str:
        return "\n".join(sentences(self))

    __repr__ = __str__


class Advice:
    """Whether to train tasks together, and with which weighting; printed, it is sentences.

    Args:
        results: That it rests on.
        margin: Percent of a metric within which a difference is none that matters.

    Attributes:
        results: That it rests on.
        answer: `together`; `partly`, where a task gains and it is not known whether another loses;
            `depends`, where one gains and another loses; `apart`; `no difference` that matters; or
            `open` where the data does not say.
        weighting: Name of the scenario that it is about.
        values: All of it as JSON types.
    """

    def __init__(self, results: Results, margin: float = MARGIN) -> None:
        found = evidence.advice(results, margin)
        self.results, self.answer, self.weighting = results, found.answer, found.arm.name
        self.values = evidence.advice_values(found)

    def __str__(self) -> str:
        return "\n".join(self.values["said"])

    __repr__ = __str__


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
    registry = suite.registry if isinstance(suite, Suite) else None
    registry = registry or _registry(plugins)
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
    registry = suite.registry if isinstance(suite, Suite) else None
    registry = registry or _registry(plugins)
    loaded = _loaded(suite, registry, _lines_of(overrides), seeds, synthetic)
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
