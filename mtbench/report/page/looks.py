"""What the page's plots are of, and how a scenario looks in all of them. No matplotlib here."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mtbench.text import counted

from .markup import plain
from .svg import INK, SERIES

MARKERS = "os^DvPX"
LABEL = 22
"""Characters of a name beside a plot."""


@dataclass(frozen=True)
class Look:
    """How a scenario looks in every plot: a colour, a marker and dashes, or grey."""

    number: int
    """Its place in the suite; the class `s<number>` is on all that is drawn of it."""
    style: int | None
    """Which colour, marker and dashes; None: grey, one of many."""

    @property
    def colour(self) -> str:
        """Its colour."""
        return INK if self.style is None else SERIES[self.style]

    @property
    def marker(self) -> str:
        """Name of its marker, for matplotlib."""
        return "o" if self.style is None else MARKERS[self.style]

    @property
    def alpha(self) -> float:
        """How much it covers."""
        return 0.55 if self.style is None else 1.0

    @property
    def classes(self) -> str:
        """Classes of its artists."""
        return f"s s{self.number}" + (" grey" if self.style is None else "")


@dataclass(frozen=True)
class Spread:
    """A scenario's values of a metric, one a seed."""

    scenario: str
    values: tuple[float, ...]
    own: bool = True
    """Whether the scenario was trained for it."""

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float:
        """Their sample standard deviation, 0 of one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class Axis:
    """A metric as an axis."""

    label: str
    higher_is_better: bool
    floors: Mapping[str, float]
    """Means of the floors, the strongest first."""
    spreads: Sequence[Spread]
    baselines: Mapping[str, float] = field(default_factory=dict)
    """Means of the baselines, likewise."""

    @property
    def rivals(self) -> list[tuple[str, float]]:
        """Labels and means of the baselines, then of the floors, the strongest first."""
        kinds = (("baseline", self.baselines), ("floor", self.floors))
        return [(f"{k}: {short(name)}", mean) for k, of in kinds for name, mean in of.items()]

    def limits(self) -> tuple[float, float]:
        """What is shown: the scenarios trained for it and the strongest baseline, else floor.

        What is far worse than the others does not decide the scale: a scenario that was not trained
        for the task may be at ten times their error. What is far better is never left out.
        """
        core = [v for s in self.spreads if s.own for v in (s.mean, *s.values)]
        core = core or [v for s in self.spreads for v in (s.mean, *s.values)]
        if len(core) > 8:
            low, _, high = statistics.quantiles(core, n=4)
            reach = 3 * (high - low)  # Tukey's far out
            if self.higher_is_better:
                core = [v for v in core if v >= low - reach]
            else:
                core = [v for v in core if v <= high + reach]
        core += [mean for _, mean in self.rivals[:1]]
        low, high = min(core), max(core)
        room = 0.09 * (high - low) or 0.05 * abs(high) or 1.0
        return low - room, high + room

    @property
    def direction(self) -> str:
        """The label, and which end is better."""
        return f"{short(self.label, 32)} ({self.better} is better)"

    @property
    def better(self) -> str:
        """Which values are."""
        return "higher" if self.higher_is_better else "lower"


def short(name: str, length: int = LABEL) -> str:
    """Cut a long name before its end, where the points of a sweep differ."""
    name = plain(name)
    if len(name) <= length:
        return name
    head = (length - 1) // 3
    return f"{name[:head]}…{name[head + 1 - length :]}"


def figures(value: float) -> str:
    """A number with three or four figures, `12,300`, `0.9123`, `1.2e-05`."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        text = f"{value:.4g}"
    else:
        text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.1e}"
    return text.replace("-", "−")


def spoken(spread: Spread) -> str:
    """`joint: 0.937 ± 0.013 (5 seeds)`."""
    seeds = len(spread.values)
    sd = f" ± {figures(spread.sd)}" if seeds > 1 else ""
    return f"{spread.scenario}: {figures(spread.mean)}{sd} ({counted(seeds, 'seed')})"


def describe(axis: Axis) -> str:
    """The plot's content in words, the best ten first."""
    sign = -1 if axis.higher_is_better else 1
    best = sorted(axis.spreads, key=lambda spread: sign * spread.mean)
    more = f"; and {len(best) - 10} more" if len(best) > 10 else ""
    kinds = (("baseline", axis.baselines), ("floor", axis.floors))
    floors = "; ".join(
        f"{kind} {name}: {figures(value)}" for kind, of in kinds for name, value in of.items()
    )
    return f"Best first: {'; '.join(map(spoken, best[:10]))}{more}. {floors}"


def choose(scenarios: Sequence[str], first: Iterable[str]) -> dict[str, Look]:
    """Give scenarios their looks.

    Args:
        scenarios: All of them, in the order of the suite.
        first: Those that matter most, the most important first: where there are more scenarios than
            can be told apart, the others are grey.
    """
    if len(scenarios) <= len(SERIES):
        styles = {name: style for style, name in enumerate(scenarios)}
    else:
        marked = list(dict.fromkeys(first))[: len(SERIES)]
        styles = {name: style for style, name in enumerate(sorted(marked, key=scenarios.index))}
    return {name: Look(number, styles.get(name)) for number, name in enumerate(scenarios)}


def metric_label(key: str) -> str:
    """`ranking rmse` for `ranking/rmse`, in words that can be wrapped."""
    task, _, metric = key.partition("/")
    return f"{task} {metric.replace('_', ' ')}"
