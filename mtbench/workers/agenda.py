"""What a command has to do: runs and studies, which of them are done, and who is at which."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mtbench.errors import RecordError
from mtbench.plugin.baseline import Baseline
from mtbench.plugin.executor import Work
from mtbench.plugin.registry import Registry
from mtbench.records import store
from mtbench.records.asked import Version, note, version_of
from mtbench.records.leases import Leases, abandoned, held
from mtbench.records.record import Record
from mtbench.runs.identity import digest
from mtbench.runs.plan import PlannedRun, make_plan, pending
from mtbench.suite.suite import Suite
from mtbench.tune.study import Study, Trial
from mtbench.tune.tuner import Tuner, final_runs

LOOK = 1.0
"""Seconds between two looks at what other commands have done."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a suite."""

    arms: Sequence[str] = ()
    """Only these; default: all."""
    again: bool = False
    """Runs that are done, too."""
    trials_again: bool = False
    """Trials that are done, too."""
    results: bool = True
    """Runs with the suite's seeds; without, the trials alone."""
    models: bool = False
    """The weights of each run."""
    speed: bool = False
    """The first seed of each scenario alone."""
    shard: tuple[int, int] = (1, 1)
    """Which part of how many."""


@dataclass(frozen=True)
class Item:
    """A run or a study that is to be done."""

    key: str
    group: str
    folder: Path
    """Of its records."""
    of: PlannedRun | Study
    arm: str


class Agenda:
    """What is to be done of a suite.

    Args:
        suite: The suite.
        registry: Where its components come from.
        folder: Of its results.
        wanted: What of it.

    Attributes:
        plan: The runs with the suite's seeds that are known by now.
        trials: Of each study, those that were done when they were last looked at.
        found: By id, the records of runs that were done before.

    Raises:
        SuiteError: An arm that the suite does not have.
    """

    def __init__(self, suite: Suite, registry: Registry, folder: Path, wanted: Wanted) -> None:
        self._suite, self._wanted, self._folder = suite, wanted, folder
        self._pending: list[Item] = []
        self._elsewhere: dict[str, Item] = {}
        self._doing: dict[str, Item] = {}
        self._made: dict[str, Record] = {}
        self._hits: dict[str, Record] = {}
        self._plans: dict[str, list[PlannedRun]] = {}
        self.found: dict[str, Record] = {}
        self._leases, self._looked = Leases(), 0.0
        self._version: Version | None = None
        self._noted = 0
        self.trials: dict[Study, list[Trial]] = {}
        self.tuner: Tuner | None = None
        if suite.tune:
            self.tuner = Tuner(suite, registry, self._known, wanted.arms)
            part, of = wanted.shard
            self.tuner.studies = self.tuner.studies[part - 1 :: of]
            for study in self.tuner.studies:
                self._open(study)
        else:
            plan = _of_shard(make_plan(suite, registry, wanted.arms), wanted.shard)
            for arm in dict.fromkeys(run.scenario for run in plan):
                self._add_runs(arm, arm, [run for run in plan if run.scenario == arm])

    @property
    def plan(self) -> list[PlannedRun]:
        """The runs with the suite's seeds that are known by now, in the suite's order."""
        if not self.tuner:
            return [run for runs in self._plans.values() for run in runs]
        return [run for study in self.tuner.studies for run in self._plans.get(study.title, [])]

    @property
    def todo(self) -> list[PlannedRun]:
        """Those of them that nobody is at and that are not done."""
        return [item.of for item in self._pending if isinstance(item.of, PlannedRun)]

    @property
    def over(self) -> bool:
        """Whether nothing is left, nor will be."""
        return not (self._pending or self._doing or self._elsewhere)

    @property
    def groups(self) -> int:
        """How many groups there is something to do of."""
        return len({item.group for item in (*self._pending, *self._doing.values())})

    @property
    def left(self) -> int:
        """How many runs and studies are not done."""
        return len(self._pending) + len(self._doing) + len(self._elsewhere)

    @property
    def arms(self) -> list[str]:
        """The scenarios and baselines that there is something to do of."""
        items = (*self._pending, *self._doing.values(), *self._elsewhere.values())
        return list(dict.fromkeys(item.arm for item in items))

    @property
    def baselines(self) -> list[Baseline]:
        """Those that there is something to do of."""
        setups = [
            item.of.setup if isinstance(item.of, PlannedRun) else item.of.setup({})
            for item in self._pending
        ]
        return [setup.baseline for setup in setups if setup.baseline]

    def runs_left(self) -> list[str]:
        """For each run that is to be done, of trials too, its arm."""
        arms = []
        for item in self._pending:
            if isinstance(item.of, PlannedRun):
                arms.append(item.group)
                continue
            study, found = item.of, len(self.trials[item.of])
            arms += [study.title] * ((study.size - found) * len(study.tune.seeds))
            arms += [study.title] * (len(self._suite.seeds) * self._wanted.results)
        return arms

    def take(self, group: str | None = None) -> Item | None:
        """Take what is best done next by who has done some of a group; None for nothing now."""
        self._look_elsewhere()
        busy = {item.group for item in self._doing.values()}
        most = Counter(item.group for item in self._pending)

        def rank(item: Item) -> tuple[bool, int, int]:
            """Trials first; one's own group, then one nobody is at, then the largest."""
            is_run = isinstance(item.of, PlannedRun)
            if item.group == group:
                return (is_run, 0, 0)
            return (is_run, 1 + (item.group in busy), -most[item.group] * (item.group in busy))

        for item in sorted(self._pending, key=rank):
            self._pending.remove(item)
            if not self._leases.take(item.folder, item.key):
                self._elsewhere[item.key] = item
            elif self._is_done(item):  # by another command since
                self._leases.release(item.folder, item.key)
            else:
                self._doing[item.key] = item
                return item
        return None

    def doing(self, key: str) -> Item:
        """What is being done under a key."""
        return self._doing[key]

    def put_back(self, key: str) -> None:
        """Nobody is at it any more."""
        item = self._doing.pop(key)
        self._leases.release(item.folder, item.key)
        self._pending.insert(0, item)

    def ended(self, key: str) -> None:
        """It has ended; of a study that is not complete the rest is to be done."""
        item = self._doing.pop(key)
        self._leases.release(item.folder, item.key)
        if isinstance(item.of, Study) and not self._complete(item.of):
            self._pending.insert(0, item)

    def keep(self, item: Item, record: Record) -> None:
        """Keep a record that was made of an item."""
        if isinstance(item.of, Study):
            self._made[record.run_id] = record
        else:
            self.note()

    def note(self) -> None:
        """Write down what is asked for, as far as it is known: reports will speak of that.

        Raises:
            RecordError: The folder cannot be written to.
        """
        plan = self.plan
        if not plan:
            return
        if self._version is None or len(plan) != self._noted:
            made = replace(version_of(run.run for run in plan), main=self._suite.main)
            self._noted, self._version = len(plan), made
        studies = self.tuner.studies if self.tuner else []
        complete = all(study.title in self._plans for study in studies)
        whole = complete and not self._wanted.arms and self._wanted.shard == (1, 1)
        note(self._folder, self._version, whole)

    def work(self, item: Item, at_most: int | None) -> Work:
        """What a worker is asked for."""
        if isinstance(item.of, Study):
            self._stored(item.of)
            asked: dict[str, Any] = {
                "study": [item.of.arm, item.of.number],
                "at_most": at_most,
                "records": [record.plain() for record in self._hits.values()],
            }
        else:
            asked = {
                "run": asdict(item.of.run),
                "arm": item.arm,
                "seed": item.of.seed,
                "tuning": item.of.setup.tuning,
                "arms": item.of.arms,
                "models": self._wanted.models and not item.of.setup.baseline,
            }
        return Work(item.key, item.group, asked)

    def clean(self) -> None:
        """Remove what processes that are no more have left half-written, or taken."""
        for folder in {item.folder for item in self._pending} | {self._folder}:
            for path in (*store.leftovers(folder), *abandoned(folder)):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give back what was taken."""
        self._leases.close()

    def _open(self, study: Study) -> None:
        """Plan a study, or the runs of what it chose."""
        if not self._complete(study):
            key = f"study-{digest(study.title)}"
            folder = store.trials_of(self._folder)
            self._pending.append(Item(key, study.title, folder, study, study.arm))

    def _complete(self, study: Study) -> bool:
        """Whether all trials of a study are done; then the runs of what it chose are planned."""
        self.trials[study] = trials = self._stored(study)
        if len(trials) < study.size:
            return False
        if self.tuner and self._wanted.results:
            runs = final_runs(self.tuner, study, trials, self._suite.seeds)
            self._add_runs(study.title, study.arm, runs)
        return True

    def _stored(self, study: Study) -> list[Trial]:
        """The trials of a study that are done; the records of all its runs are `_hits`."""
        assert self.tuner is not None  # noqa: S101 - there is a study
        self._hits = {}
        return self.tuner.stored(study)

    def _known(self, run_id: str) -> Record | None:
        """The record of a trial's run."""
        record = self._made.get(run_id)
        path = store.path_of(store.trials_of(self._folder), run_id)
        if record is None and not self._wanted.trials_again and path.is_file():
            with contextlib.suppress(RecordError):  # damaged: to be done again
                record = store.read(path)
        if record:
            self._hits[run_id] = record
        return record

    def _add_runs(self, title: str, arm: str, runs: list[PlannedRun]) -> None:
        """Plan runs, and note which of them have yet to be done."""
        self._plans[title] = runs
        if self._wanted.speed:
            runs = [run for run in runs[:1] if not run.setup.baseline]
        again, models = self._wanted.again, self._wanted.models
        for run in pending(runs, self._folder, again, models=models, found=self.found):
            self._pending.append(Item(run.id, run.scenario, self._folder, run, arm))

    def _is_done(self, item: Item) -> bool:
        """Whether an item has been done since it was planned."""
        if isinstance(item.of, Study):
            return self._complete(item.of)
        again, models = self._wanted.again, self._wanted.models
        return not pending([item.of], item.folder, again, models=models)

    def _look_elsewhere(self) -> None:
        """Take back what no other command is at any more."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        for key, item in list(self._elsewhere.items()):
            if not held(item.folder, item.key):
                self._pending.append(self._elsewhere.pop(key))


def _of_shard(runs: Sequence[PlannedRun], shard: tuple[int, int]) -> list[PlannedRun]:
    """The runs of a part: whole scenarios where there are enough of them, else single runs."""
    part, of = shard
    names = list(dict.fromkeys(run.scenario for run in runs))
    if len(names) < of:
        return list(runs[part - 1 :: of])
    return [run for run in runs if names.index(run.scenario) % of == part - 1]
