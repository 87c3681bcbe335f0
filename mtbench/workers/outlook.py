"""What there is to be done, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtbench.errors import RecordError
from mtbench.plugin.registry import Registry
from mtbench.records import store
from mtbench.records.record import Record
from mtbench.runs.plan import PlannedRun
from mtbench.runs.times import Times, duration
from mtbench.suite.suite import Suite
from mtbench.text import counted
from mtbench.tune.study import Study, Trial

from .agenda import Agenda, Wanted


@dataclass(frozen=True)
class Outlook:
    """The trials and runs of a suite, and which of them are done."""

    folder: Path
    """Of the results."""
    trials: Mapping[Study, Sequence[Trial]]
    """Those that are done of each study, none where nothing is tuned."""
    plan: Sequence[PlannedRun]
    """The runs that are known: all where nothing is tuned, else those of what was chosen."""
    todo: frozenset[str]
    """Ids of those that have yet to be done."""
    later: Mapping[str, int]
    """By arm the number of runs that follow once its trials are done."""

    @property
    def summary(self) -> str:
        """All of it in one line."""
        total = len(self.plan) + sum(self.later.values())
        runs = f"{total} runs, {len(self.plan) - len(self.todo)} done in {self.folder}"
        if self.trials:
            size = sum(study.size for study in self.trials)
            done = sum(map(len, self.trials.values()))
            runs = f"{size} trials, {done} done; {runs}"
        return runs

    @property
    def time(self) -> str:
        """How long the rest may take, by what was measured in this folder; nothing for no rest."""
        left = dict(self.later)
        for run in self.plan:
            left[run.scenario] = left.get(run.scenario, 0) + (run.id in self.todo)
        for study, trials in self.trials.items():
            missing = (study.size - len(trials)) * len(study.tune.seeds)
            left[study.arm] = left.get(study.arm, 0) + missing
        if not any(left.values()):
            return ""
        times = Times()
        for record in _records(self.folder):
            times.add(record.scenario, record.timings.get("run_s") or 0.0)
        seconds = times.left(left)
        if seconds is None:
            return "how long they take is not measured yet"
        measured = counted(len(times), "run")
        return f"about {duration(seconds)} to go, by the {measured} measured here"


def outlook(suite: Suite, registry: Registry, folder: Path, wanted: Wanted) -> Outlook:
    """Say what of a suite is done and what is to be done.

    Args:
        suite: The suite.
        registry: Where its components come from.
        folder: Of its results.
        wanted: What of it.
    """
    agenda = Agenda(suite, registry, folder, wanted)
    later = {
        study.title: len(suite.seeds)
        for study, found in agenda.trials.items()
        if len(found) < study.size
    }
    todo = frozenset(run.id for run in agenda.todo)
    return Outlook(folder, agenda.trials, agenda.plan, todo, later)


def _records(folder: Path) -> Iterable[Record]:
    """The records of results and trials that went well."""
    for each in (folder, folder / "trials"):
        try:
            found, _ = store.read_folder(each)
        except RecordError:
            continue
        yield from (record for record in found if record.ok)
