"""The clauses for executors."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from mtbench.plugin.executor import Event, Executor
from mtbench.plugin.registry import installed
from mtbench.records import store
from mtbench.records.record import Record
from mtbench.runs.observers import Observers
from mtbench.suite.reader import load_suite
from mtbench.suite.suite import Suite
from mtbench.workers.agenda import Agenda, Wanted
from mtbench.workers.driver import Driver

BOMBS = Path(__file__).parent / "scaffolds" / "bombs.txt"
SOUND = ("sound", "raise", "exit")
"""Baselines of it that cost their process nothing."""
TOGETHER = ("sound", "hard-exit", "raise", "exit")
"""The same, and one that ends its process."""
PATIENCE = 10.0
"""Seconds in which all that was started has to have ended."""


def runs_end(executor: Executor) -> str | None:
    """Every run ends exactly once, with the numbers it has in this process, whatever others do."""
    names = TOGETHER if executor.contains else SOUND
    found, ends = _executed(executor, names)
    if wrong := {key: n for key, n in ends.items() if n != 1}:
        return f"expected one end of each run, found {sorted(wrong.values())}"
    if len(ends) != 2 * len(names):
        return f"expected {2 * len(names)} runs to end, found {len(ends)}"
    for record in found:
        if record.ok != (record.scenario == "sound"):
            state = record.error.line if record.error else "ok"
            return f"{record.scenario!r} has come to: {state}"
    here, _ = _executed(None, ("sound",))
    sound = [record.metrics for record in found if record.ok]
    if sound != [record.metrics for record in here]:
        return "metrics are other ones than in this process"
    return None


def all_ends(executor: Executor) -> str | None:
    """However `execute` ends, all that it has started has ended."""
    before = set(psutil.Process().children(recursive=True))

    class Interrupted(Driver):
        """One that is interrupted where the first run starts."""

        def tell(self, event: Event) -> None:
            if event.told == "started":
                raise KeyboardInterrupt
            super().tell(event)

    try:
        _executed(executor, ("sound",), Interrupted)
    except KeyboardInterrupt:
        started = set(psutil.Process().children(recursive=True)) - before
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(map(_lives, started)):
            time.sleep(0.1)
        left = [process.pid for process in started if _lives(process)]
        return f"{len(left)} processes are left" if left else None
    return "what `tell` raises does not end it"


def _lives(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def _executed(
    executor: Executor | None, names: tuple[str, ...], driver: type[Driver] = Driver
) -> tuple[list[Record], Counter[str]]:
    """The records of some baselines with two seeds, and how often each run has ended."""
    ends = Counter[str]()

    class Counting(driver):  # type: ignore[misc, valid-type]
        """Counts."""

        def tell(self, event: Event) -> None:
            ends[event.work] += event.told in ("finished", "lost")
            super().tell(event)

    with tempfile.TemporaryDirectory() as place:
        folder, registry = Path(place), installed()
        plugin = folder / "bombs.py"
        plugin.write_text(BOMBS.read_text(encoding="utf-8"), encoding="utf-8")
        registry.load_file(plugin)
        suite = _suite(executor, names, registry)
        agenda = Agenda(suite, registry, folder, Wanted(names))
        Counting(suite, registry, agenda, Observers(registry)).work()
        return [store.read(store.path_of(folder, run.id)) for run in agenda.plan], ends


def _suite(executor: Executor | None, names: tuple[str, ...], registry: Any) -> Suite:
    tower = {"name": "embedding", "embedding_dim": 2}
    said: dict[str, Any] = {
        "name": "bombs",
        "dataset": {"name": "synthetic", "num_users": 20, "num_items": 20, "num_ratings": 200},
        "split": {"name": "random", "test_share": 0.2},
        "towers": {"query": tower, "candidate": tower},
        "tasks": {"retrieval": {"top_k": [5]}},
        "scenarios": {"retrieval-only": {"tasks": ["retrieval"]}},
        "baselines": list(names),
        "seeds": 2,
        "executor": {"name": "inline", "threads": executor.threads if executor else None},
    }
    suite = load_suite(said, registry)
    return replace(suite, executor=executor) if executor else suite  # it may be in no registry


EXECUTOR_CLAUSES = (runs_end, all_ends)
