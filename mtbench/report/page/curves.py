"""Curves over epochs: losses, weights, and how the tasks' gradients lay to each other."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mtbench.records.record import Record
from mtbench.text import counted

from .looks import Look, figures
from .markup import Html, plain
from .plots import DASHES, WIDTH, few_ticks
from .svg import INK, Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 120
"""Of a curve; of more epochs, evenly spread ones are drawn."""
MOST_PAIRS = 6
"""Pairs of tasks that get plots of their own; of more, those with the most conflicts."""


@dataclass(frozen=True)
class Line:
    """A scenario's curve over its seeds."""

    scenario: str
    epochs: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    """The smallest over seeds."""
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """A plot of curves."""

    title: str
    lines: Sequence[Line]
    log: bool = False
    level: float | None = None
    """Where a line across tells something."""
    limits: tuple[float, float] | None = field(default=None)
    unit: str = "epoch"
    """What the points of a curve are numbered by."""


def losses(runs: Sequence[Record], tasks: Iterable[str]) -> list[Panel]:
    """Curves of the training loss of each task, and of the loss on the validation part.

    Args:
        runs: Records of runs that went well.
        tasks: Names of the tasks.
    """
    panels = []
    for task in tasks:
        lines = _lines(runs, "curve", _inner(f"{task}_loss"))
        panels.append(Panel(f"training loss of {task}", lines, log=_spans(lines, 4)))
        lines = _lines(runs, "validation", _inner("losses", task))
        panels.append(Panel(f"validation loss of {task}", lines, log=_spans(lines, 4)))
    return [panel for panel in panels if panel.lines]


def weights(runs: Sequence[Record], tasks: Iterable[str]) -> list[Panel]:
    """Curves of each task's weight."""
    panels = []
    for task in tasks:
        lines = _lines(runs, "diagnostics", _inner("weights", task))
        panels.append(Panel(f"weight of {task}", lines, log=_spans(lines)))
    return [panel for panel in panels if panel.lines]


def gradients(runs: Sequence[Record]) -> list[Panel]:
    """Curves of the gradients: the ratio of their norms, cosine and conflicts of each pair."""
    ratio = _lines(runs, "diagnostics", _inner("norm_ratio"))
    panels = [Panel("largest by smallest gradient norm", ratio, log=_spans(ratio, 5), level=1)]
    for pair in _pairs(runs):
        between = pair.replace("|", " and ")
        cosines = _lines(runs, "diagnostics", _inner("cosines", pair))
        conflicts = _lines(runs, "diagnostics", _inner("conflicts", pair))
        panels += [
            Panel(f"cosine between {between}", cosines, level=0),
            Panel(f"steps in conflict: {between}", conflicts, level=0.5, limits=(-0.02, 1.02)),
        ]
    return [panel for panel in panels if panel.lines]


def _pairs(runs: Sequence[Record]) -> list[str]:
    """Pairs of tasks, those with the most conflicts where there are many."""
    shares: dict[str, list[float]] = {}
    for run in runs:
        for epoch in run.diagnostics:
            for pair, share in (epoch.get("conflicts") or {}).items():
                shares.setdefault(pair, []).append(share)
    if len(shares) <= MOST_PAIRS:
        return list(shares)
    return sorted(shares, key=lambda pair: -statistics.fmean(shares[pair]))[:MOST_PAIRS]


def _inner(*path: str) -> Callable[[Mapping[str, Any]], float | None]:
    """Read a number of an epoch; None where there is none."""

    def read(epoch: Mapping[str, Any]) -> float | None:
        value: Any = epoch
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, int | float) else None

    return read


def _lines(
    runs: Sequence[Record],
    part: Literal["curve", "diagnostics", "validation"],
    read: Callable[[Mapping[str, Any]], float | None],
) -> list[Line]:
    """A line for each scenario that has values, over those epochs that all its seeds have."""
    by_scenario: dict[str, list[dict[int, float]]] = {}
    for run in runs:
        epochs_of: Sequence[Mapping[str, Any]] = getattr(run, part)
        values = {epoch["epoch"]: read(epoch) for epoch in epochs_of}
        numbers = {epoch: value for epoch, value in values.items() if value is not None}
        if numbers:
            by_scenario.setdefault(run.scenario, []).append(numbers)
    lines = []
    for scenario, curves in by_scenario.items():
        epochs = _thin(sorted(set[int].intersection(*map(set, curves))))
        columns = [[curve[epoch] for curve in curves] for epoch in epochs]
        if columns:
            mean = [statistics.fmean(column) for column in columns]
            lines.append(Line(scenario, epochs, mean, *_ends(columns)))
    return lines


def _ends(columns: Iterable[Sequence[float]]) -> tuple[list[float], list[float]]:
    low, high = zip(*((min(column), max(column)) for column in columns), strict=True)
    return list(low), list(high)


def _thin(epochs: Sequence[int]) -> list[int]:
    if len(epochs) <= MOST_POINTS:
        return list(epochs)
    step = (len(epochs) - 1) / (MOST_POINTS - 1)
    return [epochs[round(n * step)] for n in range(MOST_POINTS)]


def _spans(lines: Iterable[Line], times: float = 20) -> bool:
    """Whether positive values differ so much that only a logarithmic axis shows them."""
    values = [value for line in lines for value in line.mean]
    return bool(values) and min(values) > 0 and max(values) > times * min(values)


def draw(canvas: Canvas, panel: Panel, looks: Mapping[str, Look], height: float = 2.6) -> Html:
    """Draw a panel: grey scenarios below, the others above with the band of their seeds."""
    with canvas.style():
        figure = canvas.figure(WIDTH, height)
        axes = figure.add_axes((0.125, 0.45 / height, 0.855, 1 - 0.53 / height))
        if panel.level is not None:
            axes.axhline(panel.level, color=INK, lw=0.9, dashes=(2, 2), alpha=0.7)
        for line in sorted(panel.lines, key=lambda line: looks[line.scenario].style is not None):
            _line(canvas, axes, line, looks[line.scenario], panel.unit)
        if panel.log:
            axes.set_yscale("log")
        if panel.limits:
            axes.set_ylim(*panel.limits)
        axes.grid()
        axes.set_xlabel(panel.unit)
        _epochs(axes, {number for line in panel.lines for number in line.epochs})
        few_ticks(axes.yaxis, log=panel.log)
        return canvas.finish(panel.title, _describe(panel))


def _epochs(axes: Axes, numbers: Collection[int]) -> None:
    """Whole numbers as ticks; a single one stands in the middle."""
    if len(numbers) == 1:
        (only,) = numbers
        axes.set_xlim(only - 0.5, only + 0.5)
        axes.set_xticks([only], [figures(only)])
    else:
        few_ticks(axes.xaxis, whole=True)


def _line(canvas: Canvas, axes: Axes, line: Line, look: Look, unit: str) -> None:
    style = look.style
    ends = dict.fromkeys((0, len(line.epochs) - 1))  # one where there is one
    said = [f"{figures(line.mean[n])} {_when(unit, line.epochs[n])}" for n in ends]
    words = f"{line.scenario}: {', '.join(said)}"
    if style is None:
        (drawn,) = axes.plot(line.epochs, line.mean, color=look.colour, lw=0.9, alpha=0.28)
    else:
        axes.fill_between(line.epochs, line.low, line.high, color=look.colour, alpha=0.13, lw=0)
        every = max(1, len(line.epochs) // 6)
        (drawn,) = axes.plot(
            line.epochs, line.mean, marker=look.marker, color=look.colour,
            dashes=DASHES[style] or (None, None), markevery=(style % every, every), mew=0,
        )  # fmt: skip
    canvas.note(drawn, words, look.classes)


def _when(unit: str, number: int) -> str:
    """`in epoch 3`, `after 3 trials`."""
    if unit == "epoch":
        return f"in epoch {number:,}"
    return f"after {counted(number, unit.removesuffix('s'))}"


def _describe(panel: Panel) -> str:
    """The last epoch in words, the smallest first."""
    ordered = sorted(panel.lines, key=lambda line: line.mean[-1])
    shown = list(itertools.islice(ordered, 10))
    more = f"; and {len(ordered) - 10} more" if len(ordered) > 10 else ""
    words = (f"{plain(line.scenario)}: {_ends_text(line)}" for line in shown)
    over = ", means over seeds" if panel.unit == "epoch" else ""
    return f"First and last {panel.unit}{over}: {'; '.join(words)}{more}"


def _ends_text(line: Line) -> str:
    """`1.2 to 0.4`; the only value of one epoch."""
    first, last = figures(line.mean[0]), figures(line.mean[-1])
    return first if len(line.mean) == 1 else f"{first} to {last}"
