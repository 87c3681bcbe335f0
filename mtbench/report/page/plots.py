"""The page's plots. Each function draws one figure and returns it as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbench.evidence import DeltaM, transfer_sentences

from .looks import Axis, Look, Spread, describe, figures, short, spoken
from .markup import Html, tag
from .svg import FLOOR, INK, PAPER, Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 1.5),
    (1.2, 1.2),
    (6, 1.5, 1.2, 1.5),
    (9, 2),
    (3, 1.2),
    (6, 1.2, 1.2, 1.2, 1.2, 1.2),
)
MANY = 12
"""Scenarios; more of them are drawn with the best on top, not in the order of the suite."""
WIDTH = 4.7
"""Inches; as wide as a phone, so that text is not scaled down on one."""


def dots(canvas: Canvas, axis: Axis, looks: Mapping[str, Look]) -> Html:
    """Draw a metric: a row a scenario with every seed, mean ± sd, and the floors as lines."""
    rows = list(axis.spreads)
    if len(rows) > MANY:
        rows.sort(key=lambda row: row.mean, reverse=axis.higher_is_better)
    with canvas.style():
        above = 0.06 + 0.17 * min(len(axis.rivals), 3)
        axes = row_axes(canvas, [spread.scenario for spread in rows], above)
        axes.set_xlim(*axis.limits())
        _floor_lines(axes, axis)
        for row, spread in enumerate(rows):
            _row(canvas, axes, row, spread, looks[spread.scenario])
        axes.set_xlabel(f"{axis.better} is better")
        axes.grid(axis="x")
        few_ticks(axes.xaxis)
        return canvas.finish(f"{axis.label} of every scenario", describe(axis))


def _row(canvas: Canvas, axes: Axes, row: int, spread: Spread, look: Look) -> None:
    """One scenario: its seeds as ticks, a line of ± sd, its mean; an arrow where that is off."""
    low, high = axes.get_xlim()
    mean, sd, colour = spread.mean, spread.sd, look.colour
    if not low <= mean <= high:
        _arrow(canvas, axes, row, spread, look)
        return
    inside = [v for v in spread.values if low <= v <= high]
    if len(spread.values) > 1:
        axes.plot(
            inside, [row] * len(inside), "|", color=colour, alpha=0.55 * look.alpha, ms=7, mew=1
        )
        axes.plot([mean - sd, mean + sd], [row, row], color=colour, lw=1.4, alpha=0.9 * look.alpha)
    (dot,) = axes.plot(
        [mean], [row], look.marker, color=colour, alpha=look.alpha, mec=PAPER, mew=0.7, ms=6.5
    )
    canvas.note(dot, spoken(spread), look.classes)


def _arrow(canvas: Canvas, axes: Axes, row: int, spread: Spread, look: Look) -> None:
    """Say at the edge what lies beyond it."""
    low, high = axes.get_xlim()
    right = spread.mean > high
    place = high if right else low + 0.015 * (high - low)
    (arrow,) = axes.plot([place], [row], ">" if right else "<", color=look.colour, clip_on=False)
    canvas.note(arrow, spoken(spread), look.classes)
    axes.annotate(
        figures(spread.mean), (place, row), (-7 if right else 7, 0),
        textcoords="offset points", ha="right" if right else "left", va="center", fontsize=9,
    )  # fmt: skip


def _floor_lines(axes: Axes, axis: Axis) -> None:
    """Baselines and floors as upright lines with their names above, the first one bold."""
    low, high = axes.get_xlim()
    for n, (name, value) in enumerate(axis.rivals[:3]):
        inside = low <= value <= high
        place = min(max((value - low) / (high - low), 0.0), 1.0)
        if inside:
            axes.axvline(
                value, color=FLOOR, lw=1.4 if n == 0 else 1, dashes=(4, 2) if n == 0 else (1, 2)
            )
        beyond = "" if inside else " →" if place else "← "
        text = f"{name} {figures(value)}"
        axes.annotate(
            text + beyond if place else beyond + text, (place, 1), (0, 3 + 11.5 * n),
            xycoords="axes fraction", textcoords="offset points", fontsize=9, color=FLOOR,
            ha="left" if place < 0.35 else "right" if place > 0.65 else "center",
        )  # fmt: skip


def row_axes(canvas: Canvas, names: Sequence[str], above: float = 0.06) -> Axes:
    """A figure with a row for each name, from top to bottom.

    Args:
        canvas: Within its style.
        names: Written at the left.
        above: Inches left free above.
    """
    height = 0.25 * len(names) + 0.48 + above
    left = (0.2 + 0.078 * max(len(short(name)) for name in names)) / WIDTH
    figure = canvas.figure(WIDTH, height)
    axes = figure.add_axes((left, 0.46 / height, 0.97 - left, 1 - (0.46 + above) / height))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return axes


def few_ticks(axis: Any, *, whole: bool = False, log: bool = False) -> None:
    """Few round ticks as plain numbers, without an offset in a corner."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator  # noqa: PLC0415

    if log:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    else:
        axis.set_major_locator(MaxNLocator(5, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: figures(round(value, 12))))


@dataclass(frozen=True)
class Bar:
    """A scenario's cost or speed."""

    scenario: str
    ratio: float
    """To the reference."""
    sd: float
    """Of the ratio, over seeds."""
    text: str
    """What is written beside the bar."""


def bars(
    canvas: Canvas, title: str, label: str, rows: Sequence[Bar], looks: Mapping[str, Look]
) -> Html:
    """Draw ratios to a reference scenario as bars, the reference hatched, 1 as a line."""
    with canvas.style():
        axes = row_axes(canvas, [row.scenario for row in rows])
        top = max(row.ratio + row.sd for row in rows)
        axes.set_xlim(0, 1.55 * max(top, 1.0))
        for n, row in enumerate(rows):
            look = looks[row.scenario]
            hatch = "////" if row.ratio == 1 else None
            (bar,) = axes.barh(
                [n], [row.ratio], 0.62, color=look.colour, alpha=0.45, hatch=hatch, lw=0
            )
            canvas.note(bar, f"{row.scenario}: {row.text}", look.classes)
            reach = [row.ratio - row.sd, row.ratio + row.sd]
            axes.plot(reach, [n, n], color=INK, lw=1.1)
            axes.annotate(
                row.text, (max(reach[1], row.ratio), n), (4, 0),
                textcoords="offset points", va="center", fontsize=9,
            )  # fmt: skip
        axes.axvline(1, color=INK, lw=0.9, dashes=(2, 2))
        axes.set_xlabel(label)
        few_ticks(axes.xaxis)
        words = "; ".join(f"{row.scenario}: {row.text}" for row in rows)
        return canvas.finish(title, words)


def gains(canvas: Canvas, deltas: Sequence[DeltaM], looks: Mapping[str, Look]) -> Html:
    """Draw Δm of scenarios of several tasks with their intervals, 0 as a line."""
    if len(deltas) > MANY:
        deltas = sorted(deltas, key=lambda delta: -delta.mean)
    with canvas.style():
        axes = row_axes(canvas, [delta.scenario for delta in deltas])
        axes.axvline(0, color=INK, lw=0.9, dashes=(2, 2))
        for n, delta in enumerate(deltas):
            look = looks[delta.scenario]
            if delta.low is not None and delta.high is not None:
                axes.plot(
                    [delta.low, delta.high], [n, n], color=look.colour, lw=1.6, alpha=look.alpha
                )
            (dot,) = axes.plot(
                [delta.mean],
                [n],
                look.marker,
                color=look.colour,
                alpha=look.alpha,
                mec=PAPER,
                mew=0.7,
                ms=6.5,
            )
            canvas.note(dot, transfer_sentences([delta])[0], look.classes)
        axes.set_xlabel("Δm in % (higher is better)")
        axes.grid(axis="x")
        few_ticks(axes.xaxis)
        words = "; ".join(transfer_sentences(deltas[:10]))
        return canvas.finish("Δm against single tasks", words)


_SHAPES = (
    "M18.5 6a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "M19 3h6v6h-6z",
    "M22 2l4 7h-8z",
    "M22 1.8l4.2 4.2-4.2 4.2-4.2-4.2z",
    "M22 10l4-7h-8z",
    "M20.5 2h3v2.5H26v3h-2.5V10h-3V7.5H18v-3h2.5z",
    "M19.5 2L22 4.5 24.5 2 26 3.5 23.5 6 26 8.5 24.5 10 22 7.5 19.5 10 18 8.5 20.5 6 18 3.5z",
)
"""The markers, as paths around (22, 6)."""


def swatch(look: Look) -> Html:
    """A piece of a scenario's line with its marker, for a legend."""
    if look.style is None:
        line = tag("line", x1=0, y1=6, x2=44, y2=6, stroke="currentColor", stroke_opacity=0.4)
        return tag("svg", line, viewBox="0 0 44 12", aria_hidden="true")
    colour = f"var(--c{look.style})"
    dashes = ",".join(f"{1.6 * length:g}" for length in DASHES[look.style])
    style = f"stroke:{colour};stroke-width:1.8" + (f";stroke-dasharray:{dashes}" if dashes else "")
    return tag(
        "svg",
        tag("line", x1=0, y1=6, x2=44, y2=6, style=style),
        tag("path", d=_SHAPES[look.style], style=f"fill:{colour}"),
        viewBox="0 0 44 12",
        aria_hidden="true",
    )
