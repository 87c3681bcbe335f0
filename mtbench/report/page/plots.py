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
    """One scenario: its seeds as ticks, a line of ± sd, its mean; arrows for what is off."""
    low, high = axes.get_xlim()
    mean, sd = spread.mean, spread.sd
    if len(spread.values) > 1:
        _seeds(canvas, axes, row, spread, look)
        whisker(
            axes, (mean - sd, mean + sd), row, color=look.colour, lw=1.4, alpha=0.9 * look.alpha
        )
    if not low <= mean <= high:
        _arrow(canvas, axes, row, spread, look)
        return
    (dot,) = axes.plot(
        [mean], [row], look.marker, color=look.colour, alpha=look.alpha, mec=PAPER, mew=0.7, ms=6.5
    )
    canvas.note(dot, spoken(spread), look.classes)


def _seeds(canvas: Canvas, axes: Axes, row: int, spread: Spread, look: Look) -> None:
    """A tick for each seed; for one that lies beyond an edge an arrow there, a little lower."""
    low, high = axes.get_xlim()
    alpha = 0.55 * look.alpha
    inside = [v for v in spread.values if low <= v <= high]
    if inside:
        (ticks,) = axes.plot(
            inside, [row] * len(inside), "|", color=look.colour, alpha=alpha, ms=7, mew=1
        )
        canvas.note(ticks, f"{spread.scenario}: seeds at {listed(inside)}", look.classes)
    for edge, marker, step, values in (
        (low, "<", 1, sorted(v for v in spread.values if v < low)),
        (high, ">", -1, sorted((v for v in spread.values if v > high), reverse=True)),
    ):
        apart = min(0.025, 0.5 / max(len(values), 1)) * (high - low)
        for n, value in enumerate(values):
            place = edge + step * (n + 0.4) * apart
            (arrow,) = axes.plot(
                [place], [row + 0.33], marker, color=look.colour, mfc="none", mew=0.9,
                alpha=look.alpha, ms=3.8,
            )  # fmt: skip
            text = f"{spread.scenario}: a seed at {figures(value)}, beyond the axis"
            canvas.note(arrow, text, look.classes)


def listed(values: Sequence[float]) -> str:
    """`0.91, 0.93`."""
    return ", ".join(figures(value) for value in values)


def whisker(
    axes: Axes, ends: tuple[float, float], place: float, *, upright: bool = False, **style: Any
) -> None:
    """Draw a line of ± sd within the limits; where it is cut it ends in a small arrow.

    Args:
        axes: With their limits.
        ends: Where it ends, the smaller first.
        place: Where it lies on the other axis.
        upright: Whether it is.
        style: Of the line.
    """
    low, high = axes.get_ylim() if upright else axes.get_xlim()
    if ends[1] < low or ends[0] > high:
        return
    kept = max(ends[0], low), min(ends[1], high)
    axes.plot(*((place, place), kept)[:: 1 if upright else -1], **style)
    for end, was, marker in zip(kept, ends, "v^" if upright else "<>", strict=True):
        if end != was:
            where = (place, end) if upright else (end, place)
            shown = {key: value for key, value in style.items() if key in ("color", "alpha")}
            axes.plot(*([x] for x in where), marker, ms=3.5, mew=0, clip_on=False, **shown)


def _arrow(canvas: Canvas, axes: Axes, row: int, spread: Spread, look: Look) -> None:
    """Say at the edge what mean lies beyond it."""
    low, high = axes.get_xlim()
    right = spread.mean > high
    place = high if right else low + 0.015 * (high - low)
    (arrow,) = axes.plot([place], [row], ">" if right else "<", color=look.colour, clip_on=False)
    canvas.note(arrow, f"{spoken(spread)}, beyond the axis", look.classes)
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
    reference: bool = False
    """Whether it is what the others are relative to."""


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
            filled: dict[str, Any] = {"color": look.colour, "alpha": 0.45, "lw": 0}
            if row.reference:
                filled = {"facecolor": "none", "edgecolor": look.colour, "hatch": "////", "lw": 1}
            (bar,) = axes.barh([n], [row.ratio], 0.62, **filled)
            canvas.note(bar, f"{row.scenario}: {row.text}", look.classes)
            reach = [max(row.ratio - row.sd, 0), row.ratio + row.sd]
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


def swatch(look: Look, hollow: bool = False) -> Html:
    """A piece of a scenario's line with its marker, for a legend; a hollow marker alone."""
    if look.style is None:
        line = tag("line", x1=0, y1=6, x2=44, y2=6, stroke="currentColor", stroke_opacity=0.4)
        return tag("svg", line, viewBox="0 0 44 12", aria_hidden="true")
    if hollow:
        style = "fill:none;stroke:currentColor;stroke-opacity:0.5;stroke-width:1.2"
        path = tag("path", d=_SHAPES[look.style], style=style)
        return tag("svg", path, viewBox="0 0 44 12", aria_hidden="true")
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
