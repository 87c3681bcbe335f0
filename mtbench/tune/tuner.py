"""Tuning a suite: the studies of its arms, and the setups that they choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtbench.plugin.registry import Registry
from mtbench.records.record import Record
from mtbench.runs.identity import question_of, run_of
from mtbench.runs.plan import PlannedRun, chosen_arms
from mtbench.suite.setup import Setup
from mtbench.suite.suite import Suite

from .study import Enough, Study, Trial, best, titled

Make = Callable[[PlannedRun, int, Enough], Record | None]
"""From a run of a trial, the trial's number and what may end it early to its record; None where no
more are to be made."""


class Tuner:
    """The studies of a suite's arms.

    Args:
        suite: With `tune`.
        registry: Where its components come from.
        known: Gives the record of a run by its id; None where there is none.
        arms: Only these; default: all.

    Raises:
        SuiteError: An arm that the suite does not have.
    """

    def __init__(
        self,
        suite: Suite,
        registry: Registry,
        known: Callable[[str], Record | None],
        arms: Sequence[str] = (),
    ) -> None:
        assert suite.tune is not None  # noqa: S101 - the caller has looked
        self.suite, self.registry, self._known = suite, registry, known
        self.tune = suite.tune
        numbers = range(1, suite.tune.studies + 1)
        chosen = chosen_arms(suite, arms)
        self.studies = [Study(suite, arm, number) for arm in chosen for number in numbers]
        self._question: dict[str, Any] | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        """What the results of all studies of the suite are called, in its order."""
        number = self.tune.studies
        return tuple(titled(a, n, number) for a in self.suite.arms for n in range(1, number + 1))

    def stored(self, study: Study) -> list[Trial]:
        """The trials of a study whose records are known, up to the first that is missing."""
        return list(study.trials(self._find))

    def tuned(self, study: Study, make: Make) -> list[Trial]:
        """The trials of a study; the runs that are missing are made.

        Args:
            study: Which.
            make: Makes one.
        """

        def find(setup: Setup, number: int, seed: int, enough: Enough) -> Record | None:
            found = self._find(setup, number, seed, enough)
            return found or make(self._planned(setup, seed), number, enough)

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
        record = self._known(run_id)
        if record is None or record.run_id != run_id:
            return None
        if not record.ok:
            return record
        for n, row in enumerate(record.validation):
            if enough(row["epoch"], row["metrics"]):
                ended = {"pruned": True, "validation": record.validation[: n + 1]}
                return record.model_copy(update={**ended, "metrics": row["metrics"]})
        return None if record.pruned else record


def final(study: Study, trials: list[Trial]) -> Setup:
    """What a study chose, to be trained on training and validation part, and scored on the test.

    Where early stopping chose the epochs, it is trained for as many, the mean over the seeds.
    """
    chosen, epochs = best(trials), None
    train = study.suite.setup(study.arm, chosen.values).train
    if train.early_stopping:
        kept = [record.epoch for record in chosen.records if record.epoch]
        epochs = round(sum(kept) / len(kept)) if kept else train.epochs
    return chosen_setup(study.suite, study.arm, _told(study, trials, chosen, epochs))


def chosen_setup(suite: Suite, arm: str, tuning: Mapping[str, Any]) -> Setup:
    """The setup of an arm whose options were chosen.

    Args:
        suite: The suite.
        arm: Name of a scenario or baseline.
        tuning: `records.tuning.Tuning` as JSON types.
    """
    setup = suite.setup(arm, tuning["options"])
    train = setup.train
    if train.validates:
        epochs = tuning["epochs"] or train.epochs
        settled = {"epochs": epochs, "early_stopping": None, "validate_every": None}
        train = train.model_copy(update=settled)
    return replace(
        setup,
        scenario=titled(arm, tuning["study"], tuning["studies"]),
        train=train,
        train_on="train+validation",
        tuning=tuning,
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


def final_runs(
    tuner: Tuner, study: Study, trials: list[Trial], seeds: Sequence[int]
) -> list[PlannedRun]:
    """The runs of what a study chose.

    Args:
        tuner: That the study is of.
        study: The study.
        trials: All of its trials.
        seeds: Of the results.
    """
    setup = final(study, trials)
    question = question_of(setup, tuner.registry)
    runs = (run_of(setup, seed, question, tuner.registry) for seed in seeds)
    return [PlannedRun(run, setup, tuner.titles) for run in runs]
