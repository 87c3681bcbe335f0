"""Observers that act only where a user asks: `mtbench run --track NAME[:WHERE]`.

Such an observer is a component of a plugin like any other, so that installing it has no effect.
What it builds has methods that implement the observer hooks of `hookspecs`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mtbench.plugin.observer import Observer

from .errors import MtbenchError, in_one_line

if TYPE_CHECKING:
    from mtbench.plugin.registry import Registry
    from mtbench.plugin.run import Run


def start(text: str, registry: Registry) -> None:
    """Let an observer be told of all runs from now on.

    Args:
        text: `NAME` or `NAME:WHERE`, as on the command line.
        registry: Where the observer comes from, and whose hooks it joins.

    Raises:
        MtbenchError: There is no such observer, or it cannot work.
    """
    try:
        registry.hooks.register(_observer(text, registry))
    except MtbenchError as error:
        raise MtbenchError(f"--track {text}: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        raise MtbenchError(f"--track {text}: {key}: {fault['msg'].lower()}") from error
    except Exception as error:  # whatever a stranger's code may raise
        raise MtbenchError(f"--track {text}: {in_one_line(error)}") from error


def _observer(text: str, registry: Registry) -> Any:
    """Build what `NAME[:WHERE]` means."""
    name, colon, where = text.partition(":")
    if colon and not where:
        raise MtbenchError("expected NAME or NAME:WHERE, found nothing after ':'")
    observer = registry.find(Observer.kind, name)
    return observer(**({"where": where} if colon else {})).build()


def settings(run: Run) -> dict[str, str | int | float | bool]:
    """Return all that was chosen for a run, by dotted key: `train.optimizer.name`, `weighting`.

    A component's name stands under its place in the suite, its options below: `tasks.ranking` and
    `tasks.ranking.units`. What is neither text, number nor truth value is JSON text.
    """
    weighting = run.scenario.weighting
    chosen = {
        "scenario": run.scenario.name,
        "seed": run.seed,
        "trained_tasks": ", ".join(run.scenario.tasks),
        **run.protocol,
    }
    if weighting:
        chosen["weighting"] = {"name": weighting.name, "options": weighting.options(), "origin": ""}
    return dict(_flat("", chosen))


def outcome(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers a run ended with, by `/`-separated key.

    `metrics/TASK/METRIC`, if it went well, `timings/…` (seconds and examples per second),
    `peak_memory_bytes` and `parameters`.
    """
    found = {}
    if record["status"] == "ok":
        found = {"metrics": record["metrics"]}
    keys = ("timings", "peak_memory_bytes", "parameters")
    return dict(_numbers("", found | {key: record.get(key) for key in keys}))


def diagnostics(record: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each epoch, from 1, with what `Diagnostics.result` says of it.

    Keys: `weights/TASK`, and where gradients were formed `gradient_norms/TASK`, `norm_ratio`,
    `cosines/TASK|TASK` and `conflicts/TASK|TASK`. Nothing for a run without a strategy.
    """
    for epoch in record.get("diagnostics") or ():
        yield epoch["epoch"], dict(_numbers("", {k: v for k, v in epoch.items() if k != "epoch"}))


def _flat(key: str, value: Any) -> Iterator[tuple[str, str | int | float | bool]]:
    """The leaves of nested mappings, those of a component's identity under its name."""
    if isinstance(value, Mapping):
        if value.keys() == {"name", "options", "origin"}:
            yield key, value["name"]
            value = value["options"]
        for name, each in value.items():
            yield from _flat(f"{key}.{name}" if key else name, each)
    else:
        yield key, value if isinstance(value, str | int | float) else json.dumps(value)


def _numbers(key: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers among the leaves of nested mappings."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(f"{key}/{name}" if key else name, each)
    elif value is not None:
        yield key, float(value)
