"""Tuning a suite: the studies of its arms, and the setups that they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from mtbench.errors import RecordError
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.records import store
from mtbench.records.record import Record
from mtbench.runs.execute import Listener, execute
from mtbench.runs.identity import question_of, run_of
from mtbench.runs.plan import PlannedRun, chosen_arms
from mtbench.runs.stages import Stages
from mtbench.suite.setup import Setup
from mtbench.suite.suite import Suite

from .study import Enough, Metrics, Study, Trial, best, titled


class Shown(Protocol):
    """What shows how the trials go."""

    def mtbench_run_started(self, run: Run) -> None:
        """A run of a trial starts."""

    def mtbench_epoch_ended(self, run: Run, epoch: int, losses: Mapping[str, float]) -> None:
        """An epoch of it has ended."""

    def mtbench_run_finished(self, run: Run, record: Record) -> None:
        """It has ended."""


class Tuner:
    """The studies of a suite's arms, and their records in a folder.

    Args:
        suite: With `tune`.
        registry: Where its components come from.
        folder: Of the suite's results; the trials' records lie in `trials` below it.
        scenarios: Only these arms; default: all.

    Raises:
        SuiteError: An arm that the suite does not have.
    """

    def __init__(
        self, suite: Suite, registry: Registry, folder: Path, scenarios: Sequence[str] = ()
    ) -> None:
        assert suite.tune is not None  # noqa: S101 - the caller has looked
        self.suite, self.registry = suite, registry
        self.folder = store.trials_of(folder)
        self.tune = suite.tune
        numbers = range(1, suite.tune.studies + 1)
        arms = chosen_arms(suite, scenarios)
        self.studies = [Study(suite, arm, number) for arm in arms for number in numbers]
        self._question: dict[str, Any] | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """What the results of all studies of the suite are called, in its order."""
        number = self.tune.studies
        return tuple(titled(a, n, number) for a in self.suite.arms for n in range(1, number + 1))

    def stored(self, study: Study) -> list[Trial]:
        """The trials of a study whose records are there, up to the first that is missing."""
        return list(study.trials(self._find))

    def tuned(
        self, study: Study, stages: Stages, shown: Shown | None = None, force: bool = False
    ) -> list[Trial]:
        """All trials of a study; those that are missing are done.

        Args:
            study: Which.
            stages: What their runs share.
            shown: Shows how they go.
            force: Do again what is done.
        """

        def find(setup: Setup, number: int, seed: int, enough: Enough) -> Record:
            record = None if force else self._find(setup, number, seed, enough)
            return record or self._execute(setup, (study, number, seed), enough, stages, shown)

        return list(study.trials(find))

    def _planned(self, setup: Setup, seed: int) -> PlannedRun:
        if self._question is None:  # that of all trials
            self._question = question_of(setup, self.registry)
        return PlannedRun(run_of(setup, seed, self._question, self.registry), setup)

    def _find(self, setup: Setup, number: int, seed: int, enough: Enough) -> Record | None:
        """The record of a run, as far as the trial goes.

        One that was ended early elsewhere, where this trial would go on, is none.
        """
        run_id = self._planned(setup, seed).id
        path = store.path_of(self.folder, run_id)
        try:
            record = store.read(path) if path.is_file() else None
        except RecordError:  # damaged: to be done again
            return None
        if record is None or record.run_id != run_id:
            return None
        if not record.ok:
            return record
        for n, row in enumerate(record.validation):
            if enough(row["epoch"], row["metrics"]):
                ended = {"pruned": True, "validation": record.validation[: n + 1]}
                return record.model_copy(update={**ended, "metrics": row["metrics"]})
        return None if record.pruned else record

    def _execute(
        self,
        setup: Setup,
        of: tuple[Study, int, int],
        enough: Enough,
        stages: Stages,
        shown: Shown | None,
    ) -> Record:
        """Do a run and store its record."""
        study, number, seed = of
        run = self._planned(setup, seed)
        named = replace(run.run, scenario=f"{study.arm} trial {number + 1}/{study.size}")
        listener = _Listener(named, enough, shown)
        if shown:
            shown.mtbench_run_started(run=named)
        record = execute(run, stages, listener)
        if listener.ended and record.ok:
            record = record.model_copy(update={"pruned": True})
        record = store.write(self.folder, record)
        if shown:
            shown.mtbench_run_finished(run=named, record=record)
        return record


class _Listener(Listener):
    """Shows a run, and ends it where that is enough."""

    def __init__(self, run: Run, enough: Enough, shown: Shown | None) -> None:
        self._run, self._enough, self._shown = run, enough, shown
        self.ended = False

    def epoch_ended(self, epoch: int, losses: Mapping[str, float]) -> None:
        """Show it."""
        if self._shown:
            self._shown.mtbench_epoch_ended(run=self._run, epoch=epoch, losses=losses)

    def validated(self, epoch: int, metrics: Metrics) -> bool:
        """Ask the study."""
        self.ended = self.ended or self._enough(epoch, metrics)
        return self.ended


def final(study: Study, trials: list[Trial]) -> Setup:
    """What a study chose, to be trained on training and validation part, and scored on the test.

    Where early stopping chose the epochs, it is trained for as many, the mean over the seeds.
    """
    chosen = best(trials)
    setup = study.suite.setup(study.arm, chosen.values)
    train, epochs = setup.train, None
    if train.validates:
        if train.early_stopping:
            kept = [record.epoch for record in chosen.records if record.epoch]
            epochs = round(sum(kept) / len(kept)) if kept else train.epochs
        settled = {"epochs": epochs or train.epochs, "early_stopping": None, "validate_every": None}
        train = train.model_copy(update=settled)
    return replace(
        setup,
        scenario=study.title,
        train=train,
        train_on="train+validation",
        tuning=_told(study, trials, chosen, epochs),
    )


def _told(study: Study, trials: list[Trial], chosen: Trial, epochs: int | None) -> dict[str, Any]:
    """What `records.tuning.Tuning` says of a study."""
    return {
        "trials": len(trials),
        "because": study.budget.because,
        "sampler": study.tune.sampler,
        "pruner": study.tune.pruner,
        "seeds": list(study.tune.seeds),
        "metrics": [name for name, _ in study.metrics],
        "study": study.number,
        "studies": study.tune.studies,
        "space": {path: values.said() for path, values in study.budget.space.items()},
        "best": chosen.number,
        "options": dict(chosen.values),
        "epochs": epochs,
        "scores": [trial.score for trial in trials],
        "values": {name: [trial.value(name) for trial in trials] for name, _ in study.metrics},
        "pruned": [trial.number for trial in trials if trial.pruned],
    }


def plan_of(
    tuner: Tuner, trials: Callable[[Study], list[Trial]], seeds: Sequence[int]
) -> Iterator[PlannedRun]:
    """The runs of what was chosen, with the suite's seeds.

    Args:
        tuner: The studies.
        trials: All trials of a study.
        seeds: Of the results.
    """
    question: dict[str, Any] | None = None
    for study in tuner.studies:
        setup = final(study, trials(study))
        question = question or question_of(setup, tuner.registry)
        for seed in seeds:
            run = run_of(setup, seed, question, tuner.registry)
            yield PlannedRun(run, setup, tuner.arms)
