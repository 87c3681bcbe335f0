"""What components say of themselves, asked once while a suite is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mtbench.metrics.metric import Metric
from mtbench.plugin.component import Component
from mtbench.plugin.reads import Read
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower


def require_declared(component: Component) -> None:
    """Ask a component what runs will ask it.

    Raises:
        TypeError: An answer is of no form that we know.
        Exception: What the component's own code raises.
    """
    if isinstance(component, Tower | Task):
        _require_texts("needs", component.needs())
    if isinstance(component, Task):
        _require_texts("learns_from", component.learns_from())
        component.scored_options()
        _require_texts("hands", component.hands, "names of what is handed on")
        _require_reads(component.reads())
        _require_metrics(component.metrics())


def _require_texts(method: str, found: Any, what: str = "names of columns") -> None:
    if isinstance(found, str) or not _all(found, str):
        raise TypeError(f"{method}: expected {what}, found {found!r:.100}")


def _require_reads(found: Any) -> None:
    if not _all(found, Read):
        raise TypeError(f"reads: expected some mtbench.Read, found {found!r:.100}")
    for each in found:
        _require_texts("reads", each.what, "names of what is handed on")
    names = [each.task for each in found]
    if len(set(names)) < len(names):
        raise TypeError(f"reads: expected tasks, each once, found {names!r:.100}")


def _require_metrics(found: Any) -> None:
    if not _all(found, Metric):
        raise TypeError(f"metrics: expected some mtbench.Metric, found {found!r:.100}")
    names = [metric.name for metric in found]
    wrong = [name for name in names if not (isinstance(name, str) and name and name.isprintable())]
    wrong += [name for n, name in enumerate(names) if name in names[:n]]
    if wrong or not names:
        raise TypeError(f"metrics: expected names, each once, found {wrong or names!r:.100}")


def _all(found: Any, kind: type) -> bool:
    return isinstance(found, Sequence) and all(isinstance(each, kind) for each in found)
