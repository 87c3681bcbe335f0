"""What a gate lets pass: the limits of a YAML file and of the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, ValidationError

from mtbench.config import document as marks
from mtbench.config.messages import message_of
from mtbench.config.options import Options
from mtbench.errors import Fault, SuiteError, did_you_mean

SLOWDOWN = 1.25
"""Default. Of 380 pairs of repeats on two cores with six to sixteen processes that wanted them,
the largest near end of an interval was 1.15, and the largest median 1.26."""

Margin = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Limits(Options):
    """How much worse the current results may be than the baseline."""

    max_increase: dict[str, Margin] = Field({})
    """Margin of a metric that is better when lower, by `metric` or `task/metric`: `rmse: 0.01`."""
    max_decrease: dict[str, Margin] = Field({})
    """Margin of a metric that is better when higher."""
    max_slowdown: Factor | None = None
    """How many times as long a training step may take, in units of the reference workload."""
    max_memory_growth: Factor | None = None
    """How many times as much memory a run may take at its peak. It holds what earlier runs of the
    process have left: name it for results of the same scenarios, run in the same order, alone."""
    confidence: float = Field(0.95, ge=0.5, lt=1)
    """Of the intervals; a false alarm in a metric has half of what is left to 1."""
    strict: bool = False
    """What the results do not settle is a breach as well."""

    @property
    def named(self) -> bool:
        """Whether anything is limited; where nothing is, a gate checks all but memory."""
        factors = (self.max_slowdown, self.max_memory_growth)
        return bool(self.max_increase or self.max_decrease) or factors != (None, None)

    def faults(self, higher_is_better: Mapping[str, bool]) -> Iterator[tuple[marks.Path_, str]]:
        """Find limits of metrics that there are not, or of the wrong direction.

        Args:
            higher_is_better: By `task/metric`, of all metrics there are.

        Yields:
            The key of each fault, and what would be right.
        """
        for field, higher in (("max_increase", False), ("max_decrease", True)):
            for name in getattr(self, field):
                meant = metrics_of(name, higher_is_better)
                if not meant:
                    names = {part for key in higher_is_better for part in (key, _short(key))}
                    yield (field, name), f"unknown metric{did_you_mean(name, names)}"
                elif wrong := [key for key in meant if higher_is_better[key] != higher]:
                    other = "max_decrease" if field == "max_increase" else "max_increase"
                    better = "lower" if higher else "higher"
                    yield (field, name), f"{wrong[0]} is better when {better}: expected {other}"


def metrics_of(name: str, keys: Mapping[str, object]) -> list[str]:
    """The `task/metric` that a name means: that one, or the metric in every task that has it.

    `-` will do for `_`, since a name may be part of a command-line option.
    """
    wanted = name.replace("-", "_")
    return [key for key in keys if wanted in (key.replace("-", "_"), _short(key).replace("-", "_"))]


def _short(key: str) -> str:
    """`task/metric` without its task."""
    return key.partition("/")[2]


@dataclass(frozen=True)
class Loaded:
    """Limits, and where each of them stands."""

    limits: Limits
    document: marks.Document

    def require_known(self, higher_is_better: Mapping[str, bool]) -> None:
        """Refuse limits of metrics that there are not, or of the wrong direction.

        Args:
            higher_is_better: By `task/metric`, of all metrics there are.

        Raises:
            SuiteError: With every such fault.
        """
        faults = [self.document.fault(*fault) for fault in self.limits.faults(higher_is_better)]
        if faults:
            raise SuiteError(faults)


def load_limits(
    path: Path | None = None,
    options: Sequence[str] = (),
    values: Mapping[str, object] = MappingProxyType({}),
) -> Loaded:
    """Read limits.

    Args:
        path: A YAML file of the fields of `Limits`.
        options: Further ones as the command line has them: `rmse-increase=0.01`,
            `top_5-decrease=0.02`, `slowdown=1.3`, `memory-growth=1.2`. They replace those of the
            file.
        values: Further fields, as Python has them.

    Raises:
        SuiteError: With every fault.
    """
    document = marks.Document("limits", {}, {(): "limits"})
    if path:
        document = marks.read(path, what="limits")
    for text in options:
        key, place = _key_of(text), f"--max-{text.replace('=', ' ', 1)}"
        value = marks.parse_value(text.partition("=")[2], place)
        document.set(key, value, place)
    for field, given in values.items():
        document.set((field,), given, "limits")
    try:
        limits = Limits.model_validate_json(json.dumps(document.value, default=str), strict=True)
    except ValidationError as error:
        faults = [
            document.fault(detail["loc"], message_of(detail, Limits, ()))
            for detail in error.errors(include_url=False)
        ]
        raise SuiteError(faults) from error
    return Loaded(limits, document)


def _key_of(text: str) -> marks.Path_:
    """The field of `Limits` that an option of the command line is about.

    Raises:
        SuiteError: It is about none.
    """
    name, equals, _ = text.partition("=")
    if name in ("slowdown", "memory-growth") and equals:
        return (f"max_{name.replace('-', '_')}",)
    if (found := re.fullmatch(r"(.+)-(increase|decrease)", name)) and equals:
        return (f"max_{found[2]}", found[1])
    forms = ("slowdown", "memory-growth", "METRIC-increase", "METRIC-decrease")
    message = f"expected one of {', '.join(f'--max-{form} X' for form in forms)}"
    raise SuiteError([Fault(f"--max-{text}", "", message)])
