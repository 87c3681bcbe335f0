"""A study of one arm: trials of options, each told from the records of its runs.

Nothing of a study is stored but the records. What the next trial tries follows from the trials
before it, since every trial has a sampler of its own, seeded by its number: so a study that was
killed is worked out again from its records, and goes on where it was.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mtbench.extras import require
from mtbench.plugin.run import Run
from mtbench.records.record import Record
from mtbench.suite.setup import Setup
from mtbench.suite.suite import Budget, Suite
from mtbench.suite.tune import Tune, Values
from mtbench.train.stopping import followed, score

from .options import options_of

Metrics = Mapping[str, Mapping[str, float]]
Enough = Callable[[int, Metrics], bool]
"""Whether an epoch's metrics of the validation part are reason to end a trial."""
Find = Callable[[Setup, int, int, Enough], Record | None]
"""From a trial's setup, its number, a seed and what may end it early to the run's record; None
where there is none and none is to be made."""

DIGITS = 3
"""Significant digits of what is tried, as of numbers that a person would try."""
STARTUP = 5
"""Trials before the sampler looks at what they came to, and before one is ended early."""
WORST = -1e3
"""What a sampler is told of a score that is not finite."""


@dataclass(frozen=True)
class Trial:
    """Some options of an arm, and what they came to."""

    number: int
    """From 0, the options as the suite has them."""
    values: Mapping[str, Any]
    """Those that differ from the suite's, by dotted path."""
    records: tuple[Record, ...]
    """Of its runs, in the order of the seeds."""
    score: float | None
    """The mean over seeds of ± log m; None for one that failed."""
    pruned: bool
    """Whether it was ended early."""

    @property
    def counts(self) -> bool:
        """Whether it may be chosen."""
        return self.score is not None and not self.pruned

    def value(self, metric: str) -> float | None:
        """The mean over seeds of a metric, `task/metric`; None for a trial that failed."""
        task, _, name = metric.partition("/")
        if self.score is None:
            return None
        found = [record.metrics[task].get(name) for record in self.records]
        return None if None in found else float(np.mean(np.array(found, np.float64)))


class Study:
    """The trials of an arm, one after the other.

    Args:
        suite: With `tune`.
        arm: Name of a scenario or baseline.
        number: Of the study, from 1.
    """

    def __init__(self, suite: Suite, arm: str, number: int = 1) -> None:
        assert suite.tune is not None  # noqa: S101 - the caller has looked
        self.suite, self.arm, self.number = suite, arm, number
        self.tune: Tune = suite.tune
        self.budget: Budget = suite.budgets[arm]
        self.metrics = followed(suite.setup(arm), self.tune.metrics)
        self._grid = list(_grid(self.budget.space)) if self.tune.sampler == "grid" else []

    @property
    def size(self) -> int:
        """How many trials there are to be."""
        return min(self.budget.trials, len(self._grid) + 1) if self._grid else self.budget.trials

    @property
    def title(self) -> str:
        """What its results are called: the arm, and which study where there are several."""
        return titled(self.arm, self.number, self.tune.studies)

    def named(self, run: Run, number: int) -> Run:
        """The run of a trial, called by it."""
        return replace(run, scenario=f"{self.title} trial {number + 1}/{self.size}")

    def told(self, trials: list[Trial]) -> Iterator[str]:
        """Say what was chosen, in lines."""
        chosen = best(trials)
        yield f"{self.title}: trial {chosen.number + 1} of {len(trials)}"
        for name, _ in self.metrics:
            value, first = chosen.value(name), trials[0].value(name)
            there = "failed" if value is None else f"{value:.4f}"
            before = "failed" if first is None else f"{first:.4f}"
            yield f"  {name} {there}, with the options as they were {before}"
        for path, value in chosen.values.items():
            yield f"  {path}: {value}"

    def setup(self, values: Mapping[str, Any]) -> Setup:
        """The setup of a trial with some values."""
        setup = self.suite.setup(self.arm, values)
        train = setup.train
        if self.tune.pruner != "none" and not setup.baseline and not train.validates:
            train = train.model_copy(update={"validate_every": 1})
        return replace(setup, evaluate_on="validation", train=train)

    def trials(self, find: Find) -> Iterator[Trial]:
        """Go through the trials, until a record is missing that `find` does not make."""
        optuna = require("optuna", "tune")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(direction="maximize", pruner=_pruner(optuna, self.tune.pruner))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", message="The reported value is ignored")
            for number in range(self.size):
                study.sampler = self._sampler(optuna, number)
                asked, values = self._ask(study, number)
                trial = self._tried(asked, number, values, find)
                if trial is None:
                    return
                states = optuna.trial.TrialState
                if trial.pruned:
                    study.tell(asked, state=states.PRUNED)
                elif trial.score is None:
                    study.tell(asked, state=states.FAIL)
                else:
                    study.tell(asked, max(trial.score, WORST))
                yield trial

    def _sampler(self, optuna: Any, number: int) -> Any:
        """What draws the options of a trial."""
        (seed,) = np.random.SeedSequence([self.number, number]).generate_state(1)
        if self.tune.sampler == "tpe":
            return optuna.samplers.TPESampler(seed=int(seed), n_startup_trials=STARTUP)
        return optuna.samplers.RandomSampler(seed=int(seed))

    def _ask(self, study: Any, number: int) -> tuple[Any, dict[str, Any]]:
        """The next trial, and what it tries; the first has the options as they are."""
        space, first = self.budget.space, number == 0
        if first:
            has = options_of(self.suite.setup(self.arm), space)
            space = {path: values for path, values in space.items() if values.has(has.get(path))}
            study.enqueue_trial({path: _code(values, has[path]) for path, values in space.items()})
        elif self._grid:
            point = self._grid[number - 1]
            study.enqueue_trial({path: _code(space[path], value) for path, value in point.items()})
        asked = study.ask()
        values = {path: _suggested(asked, path, values) for path, values in space.items()}
        return asked, {} if first else values

    def _tried(self, asked: Any, number: int, values: dict[str, Any], find: Find) -> Trial | None:
        """Find the records of a trial's runs, seed by seed, until one ends it."""
        setup = self.setup(values)
        records: list[Record] = []
        scores: list[float] = []
        for seed in self.tune.seeds:
            steps = len(records) * 1_000_000  # an epoch of a seed is never one of another

            def enough(epoch: int, metrics: Metrics, steps: int = steps) -> bool:
                if self.tune.pruner == "none":
                    return False
                value = float(np.mean([*scores, score(self.metrics, metrics)]))
                asked.report(max(value, WORST), steps + epoch)
                return bool(asked.should_prune())

            record = find(setup, number, seed, enough)
            if record is None:
                return None
            records.append(record)
            if not record.ok:
                return Trial(number, values, tuple(records), None, False)
            scores.append(score(self.metrics, record.metrics))
            if record.pruned:
                return Trial(number, values, tuple(records), float(np.mean(scores)), True)
        return Trial(number, values, tuple(records), float(np.mean(scores)), False)


def titled(arm: str, number: int, studies: int) -> str:
    """What the results of one of an arm's studies are called."""
    if studies == 1:
        return arm
    base, bracket, rest = arm.partition("[")
    return f"{base}[{rest.removesuffix(']')}{', ' if bracket else ''}study={number}]"


def best(trials: list[Trial]) -> Trial:
    """The trial to choose: of the best score, the first of equal ones; the first if all failed."""
    return max(
        (trial for trial in trials if trial.counts),
        key=lambda trial: (trial.score or -math.inf, -trial.number),
        default=trials[0],
    )


def _pruner(optuna: Any, name: str) -> Any:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    if name == "asha":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return optuna.pruners.NopPruner()


def _suggested(asked: Any, path: str, values: Values) -> Any:
    """What a trial tries of one option."""
    if values.choices is not None:
        return values.choices[asked.suggest_categorical(path, list(range(len(values.choices))))]
    low, high = values.ends
    if values.int:
        return asked.suggest_int(path, low, high)
    drawn = asked.suggest_float(path, low, high, log=values.log is not None)
    return min(max(float(f"{drawn:.{DIGITS}g}"), low), high)  # for people to read


def _code(values: Values, value: Any) -> Any:
    """A value as Optuna keeps it: a choice by its place."""
    return value if values.choices is None else values.choices.index(value)


def _grid(space: Mapping[str, Values]) -> Iterator[dict[str, Any]]:
    """The points of a space of choices."""
    lists = [values.choices or [] for values in space.values()]
    for point in itertools.product(*lists):
        yield dict(zip(space, point, strict=True))
