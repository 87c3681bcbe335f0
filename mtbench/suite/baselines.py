"""Reading the baselines of a suite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mtbench.config.document import Path_
from mtbench.plugin.baseline import Baseline
from mtbench.plugin.task import Task

from .names import fault_of_arm
from .parts import PartsReader
from .suite import served


def read_baselines(
    reader: PartsReader, tasks: Mapping[str, Task], taken: Collection[str]
) -> dict[str, Baseline]:
    """Read the baselines of a document, valid ones only; faults go to the reader.

    Args:
        reader: Reads their parts.
        tasks: The suite's, None for one that is at fault.
        taken: The names that scenarios have.
    """
    read: dict[str, Baseline] = {}
    for name, (path, spec) in _specs(reader).items():
        options = {"name": spec} if isinstance(spec, str) else spec or {}
        if isinstance(options, dict):  # what is different in tuning it is read with the budgets
            options = {key: value for key, value in options.items() if key != "tune"}
        baseline: Baseline | None = reader.component("baseline", options, path, default=name)
        if baseline is None:
            continue
        read[name] = baseline
        reader.baselines[name] = (path, options, baseline)
        if name in taken:
            reader.fault(path, "expected another name, since a scenario has this one")
        if all(tasks.values()) and not served(baseline, tasks):
            wants = ", ".join(f"{key} {task.wants or 'nothing'}" for key, task in tasks.items())
            gives = " and ".join(baseline.gives)
            reader.fault(path, f"gives {gives}, which no task of the suite wants ({wants})")
    return read


def _specs(reader: PartsReader) -> dict[str, tuple[Path_, Any]]:
    """Where each baseline stands, and what is said of it."""
    value = reader.document.value.get("baselines", {})
    reader.named(value, ("baselines",), fault_of_arm)
    if not isinstance(value, list):
        named = reader.mapping(value, ("baselines",), "baselines by name") if value != {} else {}
        return {name: (("baselines", name), spec) for name, spec in named.items()}
    specs: dict[str, tuple[Path_, Any]] = {}
    for n, name in enumerate(value):
        if not isinstance(name, str):
            reader.fault(("baselines", n), f"expected the name of a baseline, found {name!r}")
        elif name in specs:
            reader.fault(("baselines", n), f"baseline {name!r} is given twice")
        else:
            specs[name] = (("baselines", n), None)
    return specs
