"""The plot of metrics against the number that sweeps are over."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .looks import MARKERS, Axis, Look, Spread, figures, short, spoken
from .markup import Html
from .places import Labels
from .plots import DASHES, WIDTH, few_ticks
from .svg import FLOOR, INK, PAPER, SERIES, Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADES = 100
"""Positive numbers that are so many times as large as others stand on a logarithmic axis."""
MOST_TICKS = 8
"""Numbers that are ticks themselves."""


@dataclass(frozen=True)
class Curve:
    """A sweep's means of a metric."""

    name: str
    points: Mapping[float, Spread]
    """By number, from the smallest on."""


@dataclass(frozen=True)
class Panel:
    """A metric against the number that sweeps are over."""

    number: str
    """What is varied."""
    axis: Axis
    """With the points of all curves, and the scenarios beside them."""
    curves: Sequence[Curve]
    beside: Sequence[Spread]
    """Scenarios of the same tasks that are no points."""

    @property
    def log(self) -> bool:
        """Whether the numbers span so much that only a logarithmic axis shows them."""
        numbers = [number for curve in self.curves for number in curve.points]
        return min(numbers) > 0 and max(numbers) >= DECADES * min(numbers)


def draw(canvas: Canvas, panel: Panel, looks: Mapping[str, Look]) -> Html:
    """Draw curves with the band of ± sd, and what is beside them as lines across."""
    axis = panel.axis
    taken = {looks[spread.scenario].style for spread in panel.beside}
    free = [style for style in range(len(SERIES)) if style not in taken] or [0]
    with canvas.style():
        plot = canvas.figure(WIDTH, 2.9)
        axes = plot.add_axes((0.14, 0.16, 0.84, 0.81))
        if panel.log:
            axes.set_xscale("log")
        numbers = sorted({number for curve in panel.curves for number in curve.points})
        axes.plot(numbers, [axis.spreads[0].mean] * len(numbers), alpha=0)  # the numbers' limits
        axes.set_ylim(*axis.limits())
        labels = Labels(axes)
        for curve, style in zip(panel.curves, itertools.cycle(free), strict=False):
            _curve(canvas, labels, curve, style)
        for spread in panel.beside:
            look = looks[spread.scenario]
            across = axes.axhline(spread.mean, color=look.colour, lw=1.1, alpha=0.8, dashes=(2, 1))
            canvas.note(across, spoken(spread), look.classes)
        _name(labels, panel, looks, numbers)
        _ticks(axes, numbers, panel.log)
        few_ticks(axes.yaxis)
        axes.grid(axis="y")
        axes.set_xlabel(panel.number)
        axes.set_ylabel(f"{axis.better} is better")
        return canvas.finish(f"{axis.label} over {panel.number}", _words(panel))


def _curve(canvas: Canvas, labels: Labels, curve: Curve, style: int) -> None:
    """A sweep's means and their band, kept free of names."""
    numbers, spreads = list(curve.points), list(curve.points.values())
    means, colour = [spread.mean for spread in spreads], SERIES[style]
    low, high = ([spread.mean + sign * spread.sd for spread in spreads] for sign in (-1, 1))
    labels.axes.fill_between(numbers, low, high, color=colour, alpha=0.15, lw=0)
    labels.axes.plot(numbers, means, color=colour, dashes=DASHES[style] or (None, None))
    for number, spread in curve.points.items():
        (dot,) = labels.axes.plot(
            [number], [spread.mean], MARKERS[style], color=colour, mec=PAPER, mew=0.7, ms=6
        )
        canvas.note(dot, spoken(spread))
        labels.take_point((number, spread.mean))
    labels.take_line(list(zip(numbers, means, strict=True)))


def _name(
    labels: Labels, panel: Panel, looks: Mapping[str, Look], numbers: Sequence[float]
) -> None:
    """Say which curve is whose, and the same of the lines across; the strongest rival is one."""
    axes = labels.axes
    low, high = axes.get_ylim()
    for value in [mean for _, mean in panel.axis.rivals[:1]] + [one.mean for one in panel.beside]:
        labels.take_line([(end, value) for end in axes.get_xlim()])
    if rivals := panel.axis.rivals:
        name, value = rivals[0]
        axes.axhline(value, color=FLOOR, lw=1.3, dashes=(4, 2))
        labels.put((numbers[0], value), f"{name} {figures(value)}", FLOOR, needed=True)
    for spread in panel.beside:
        if low <= spread.mean <= high:
            look = looks[spread.scenario]
            place = numbers[-1], spread.mean
            labels.put(place, short(spread.scenario), look.colour, needed=True)
    for curve in panel.curves:
        inside = {n: spread for n, spread in curve.points.items() if low <= spread.mean <= high}
        if inside:
            number = list(inside)[len(inside) // 2]
            labels.put((number, inside[number].mean), short(curve.name), INK, needed=True)


def _ticks(axes: Axes, numbers: Sequence[float], log: bool) -> None:
    """The numbers themselves where they are few, those that are far enough apart with a label."""
    if len(numbers) > MOST_TICKS:
        few_ticks(axes.xaxis, log=log)
        return
    ends = axes.transData.transform([(number, 0.0) for number in (numbers[0], numbers[-1])])[:, 0]
    named: dict[float, str] = {}
    last = None
    for number in numbers:
        place = axes.transData.transform((number, 0.0))[0]
        apart = last is None or place - last > 0.09 * (ends[1] - ends[0])
        named[number] = figures(number) if apart else ""
        last = place if apart else last
    axes.set_xticks(list(named), list(named.values()))
    axes.set_xticks([], minor=True)


def _words(panel: Panel) -> str:
    """The curves in words."""
    said = [
        f"{curve.name}: "
        + "; ".join(f"{figures(number)}: {_figures(one)}" for number, one in curve.points.items())
        for curve in panel.curves
    ]
    said += [f"across: {spoken(spread)}" for spread in panel.beside]
    said += [f"across: {name} {figures(value)}" for name, value in panel.axis.rivals[:1]]
    return ". ".join(said)


def _figures(spread: Spread) -> str:
    return figures(spread.mean) + (f" ± {figures(spread.sd)}" if len(spread.values) > 1 else "")
