"""What is tuned of each arm of a suite, and the setups of other options."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mtbench.config.document import Path_
from mtbench.errors import SuiteError
from mtbench.plugin.baseline import Baseline
from mtbench.plugin.task import Task

from .parts import PartsReader
from .resolve import ResolveError, concerns, with_value
from .scenarios import read_resolved
from .suite import Budget, Scenario, served
from .tune import ArmTune, Tune, Values


def read_budgets(
    reader: PartsReader, tune: Tune, tasks: Mapping[str, Task], seeds: Sequence[int]
) -> dict[str, Budget]:
    """Read what is tuned of each arm and try the ends of each range; faults go to the reader.

    Args:
        reader: Has read the scenarios and baselines.
        tune: What the suite says of it.
        tasks: The suite's.
        seeds: Those of the results.
    """
    _check(reader, tune, tasks, seeds)
    variants = Variants(reader, tasks)
    used: set[str] = set()
    budgets = {}
    for arm in variants.arms:
        own = variants.own(arm)
        if own is None:
            continue
        if not any(name.partition("/")[0] in variants.tasks_of(arm) for name in tune.metrics):
            reader.fault(("tune", "metrics"), f"none is of a task that {arm!r} is for")
        space = {path: values for path, values in own.space.items() if values is not None}
        if arm in reader.resolved:
            trained = reader.resolved[arm].trained
            shared = {p: v for p, v in tune.space.items() if concerns(p, trained, tasks)}
            used |= shared.keys()
            whole = reader.resolved[arm].whole  # what is said for all subsets need not be of each
            if whole:
                space = {p: v for p, v in space.items() if concerns(p, trained, whole)}
            space = {**{p: v for p, v in shared.items() if p not in own.space}, **space}
        _try(variants, arm, space, tune)
        if space:
            budgets[arm] = Budget(space, own.trials or tune.trials, own.because)
        else:
            budgets[arm] = Budget({}, 1, "it has nothing to tune")
    for path in tune.space.keys() - used:
        message = "expected a path within a scenario, such as train.optimizer.learning_rate"
        reader.fault(("tune", "space", path), f"{message}: no scenario trains its task")
    return budgets


def _check(
    reader: PartsReader, tune: Tune, tasks: Mapping[str, Task], seeds: Sequence[int]
) -> None:
    """Check what is said for all arms."""
    for n, seed in enumerate(tune.seeds):
        if seed in seeds:
            reader.fault(
                ("tune", "seeds", n), f"{seed} is a seed of the results, which choose none"
            )
    reader.metrics(tune.metrics, ("tune", "metrics"), tasks)
    if reader.document.value.get("evaluate_on", "test") != "test":
        reader.fault(("evaluate_on",), "expected test, since `tune` chooses on the validation part")


class Variants:
    """Makes a suite's scenarios and baselines with other options.

    Attributes:
        arms: Their names.
    """

    def __init__(self, reader: PartsReader, tasks: Mapping[str, Task]) -> None:
        self._reader, self._tasks = reader, tasks
        self.arms = (*reader.resolved, *reader.baselines)

    def __call__(
        self, arm: str, values: Mapping[str, Any], place: Path_ | None = None
    ) -> Scenario | Baseline:
        """Make an arm with other values at dotted paths.

        Args:
            arm: Its name.
            values: By path.
            place: Where the document says so.

        Raises:
            SuiteError: They are wrong.
        """
        reader, found = self._reader, len(self._reader.faults)
        made = self._scenario if arm in reader.resolved else self._baseline
        read = made(arm, values, place or ("tune", "space"))
        faults, reader.faults = reader.faults[found:], reader.faults[:found]
        if faults or read is None:
            raise SuiteError(faults)
        return read

    def own(self, arm: str) -> ArmTune | None:
        """What is different in tuning an arm; None where that is at fault."""
        reader, value = self._reader, dict[str, Any]()
        layers = [self.path(arm)]
        if arm in reader.resolved:
            layers = [layer for layer in reader.resolved[arm].layers if layer]
        for layer in reversed(layers):
            said = reader.document.value[layer[0]]
            said = said.get(layer[1]) if isinstance(said, dict) else None
            said = said.get("tune") if isinstance(said, dict) else None
            if said is not None and not isinstance(said, dict):
                reader.fault((*layer, "tune"), f"expected space or trials, found {said!r}")
            if isinstance(said, dict):
                spaces = [each.get("space", {}) for each in (value, said)]
                value = {**value, **said}
                if all(isinstance(space, dict) for space in spaces):  # else it is a fault, below
                    value["space"] = {**spaces[0], **spaces[1]}
        return reader.options(ArmTune, value, (*layers[0], "tune"))

    def tasks_of(self, arm: str) -> Collection[str]:
        """Names of the tasks that an arm is for."""
        reader = self._reader
        if arm in reader.resolved:
            trained: list[str] = reader.resolved[arm].trained
            return trained
        return served(reader.baselines[arm][2], self._tasks)

    def path(self, arm: str) -> Path_:
        """Where an arm stands in the document."""
        reader = self._reader
        if arm in reader.resolved:
            return reader.resolved[arm].layers[0]
        return reader.baselines[arm][0]

    def _scenario(self, arm: str, values: Mapping[str, Any], place: Path_) -> Scenario | None:
        resolved = self._reader.resolved[arm]
        try:
            for dotted, value in values.items():
                resolved = with_value(resolved, dotted, value, (*place, dotted))
        except ResolveError as error:
            self._reader.fault(error.path, str(error))
            return None
        return read_resolved(self._reader, resolved, self._tasks)

    def _baseline(self, arm: str, values: Mapping[str, Any], place: Path_) -> Baseline | None:
        path, spec, _ = self._reader.baselines[arm]
        options = copy.deepcopy(spec)
        for dotted, value in values.items():
            *above, last = dotted.split(".")
            node = options
            for part in above:
                node = node.setdefault(part, {})
            node[last] = value
        baseline: Baseline | None = self._reader.component("baseline", options, path, default=arm)
        return baseline


def _try(variants: Variants, arm: str, space: Mapping[str, Values], tune: Tune) -> None:
    """Make an arm with each end of each range and each choice, to find what is wrong with it."""
    reader = variants._reader
    for path, values in space.items():
        shared = path in tune.space and tune.space[path] is values
        place = ("tune", "space") if shared else (*variants.path(arm), "tune", "space")
        if tune.sampler == "grid" and values.choices is None:
            reader.fault((*place, path), "expected a list of values, since the sampler is grid")
        for value in values.extremes:
            try:
                variants(arm, {path: value}, place)
            except SuiteError as error:
                if arm in reader.resolved:
                    reader.faults += error.faults
                else:
                    reader.fault((*place, path), error.faults[0].message)
                break
