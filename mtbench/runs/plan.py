"""What a suite amounts to: its runs, each with an id made from all that decides its result."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtbench.errors import Fault, SuiteError, did_you_mean
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.records import store
from mtbench.records.record import Record
from mtbench.suite import sweep
from mtbench.suite.setup import Setup
from mtbench.suite.suite import Suite

from .identity import question_of, runs_of


@dataclass(frozen=True)
class PlannedRun:
    """A run, and the setup it has."""

    run: Run
    """What observers see of it."""
    setup: Setup
    arms: tuple[str, ...] = ()
    """All that its suite runs, in the suite's order."""

    @property
    def id(self) -> str:
        """Of the run."""
        return self.run.id

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return self.run.scenario

    @property
    def seed(self) -> int:
        """The seed."""
        return self.run.seed


def make_plan(
    suite: Suite, registry: Registry, scenarios: Sequence[str] = ()
) -> tuple[PlannedRun, ...]:
    """List the runs of a suite, the seeds of a scenario one after the other.

    Args:
        suite: The suite.
        registry: Where its components come from.
        scenarios: Only these and baselines, by name or by that of a sweep; default: all.

    Raises:
        SuiteError: A scenario that the suite does not have.
    """
    plan = []
    for name in chosen_arms(suite, scenarios):
        setup = suite.setup(name)
        question = question_of(setup, registry)
        runs = runs_of(setup, suite.seeds, question, registry)
        plan += [PlannedRun(run, setup, suite.arms) for run in runs]
    return tuple(plan)


def chosen_arms(suite: Suite, scenarios: Sequence[str] = ()) -> list[str]:
    """The names of scenarios and baselines that are asked for, in the suite's order.

    Args:
        suite: The suite.
        scenarios: Names, or those of sweeps; default: all.

    Raises:
        SuiteError: A name that the suite does not have.
    """
    names = {*suite.arms, *map(sweep.base, suite.scenarios)}
    for name in scenarios:
        if name not in names:
            message = f"unknown scenario{did_you_mean(name, sorted(names))}"
            raise SuiteError([Fault(f"--scenario {name}", "", message)])
    return [
        name for name in suite.arms if not scenarios or {name, sweep.base(name)} & set(scenarios)
    ]


def pending(
    plan: Sequence[PlannedRun],
    folder: Path,
    force: bool = False,
    *,
    models: bool = False,
    found: MutableMapping[str, Record] | None = None,
) -> list[PlannedRun]:
    """Return the runs of a plan that have yet to be done; a failed one has.

    Args:
        plan: The runs.
        folder: Where their records lie.
        force: All of them have.
        models: Those without saved weights have, too.
        found: Where to put the records of the others, by the run's id.
    """

    def is_done(run: PlannedRun) -> bool:
        record = store.done(folder, run.id)
        if record is None:
            return False
        weights = store.beside(folder, record, "weights")
        if models and not run.setup.baseline and not (weights and weights.is_file()):
            return False
        if found is not None:
            found[run.id] = record
        return True

    return [run for run in plan if force or not is_done(run)]
