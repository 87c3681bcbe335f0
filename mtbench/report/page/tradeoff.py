"""The plot of two tasks' metrics against each other."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from mtbench.evidence import Sweep

from .looks import Axis, Look, Spread, figures, short, spoken
from .markup import Html
from .plots import WIDTH, few_ticks
from .svg import FLOOR, INK, PAPER, Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in pixels."""


def trade_off(
    canvas: Canvas,
    axis: tuple[Axis, Axis],
    looks: Mapping[str, Look],
    sweeps: Sequence[Sweep] = (),
) -> Html:
    """Draw two tasks' metrics against each other: means ± sd, the front, the floors.

    Args:
        canvas: Draws.
        axis: Two tasks' metrics, across and up, of the same scenarios in the same order.
        looks: How scenarios look.
        sweeps: Each joined by a line along its own front.
    """
    x, y = axis
    pairs = {a.scenario: (a, b) for a, b in zip(x.spreads, y.spreads, strict=True)}
    front = best_in_two(x, y)
    with canvas.style():
        figure = canvas.figure(WIDTH, 4.0)
        axes = figure.add_axes((0.15, 0.125, 0.825, 0.82))
        axes.set_xlim(*x.limits())
        axes.set_ylim(*y.limits())
        labels = Labels(axes)
        _floors(axes, x, y, labels)
        for sweep in sweeps:
            points = sorted((pairs[name][0].mean, pairs[name][1].mean) for name in sweep.front)
            axes.plot(*zip(*points, strict=True), color=INK, lw=1, alpha=0.6, dashes=(1, 2))
        _front(axes, [(pairs[name][0].mean, pairs[name][1].mean) for name in front], x, y)
        ordered = sorted(pairs.values(), key=lambda pair: looks[pair[0].scenario].style is not None)
        named = [labelled for a, b in ordered if (labelled := _point(canvas, labels, a, b, looks))]
        for place, text in named:
            labels.put(place, text)
        axes.grid()
        for one in (axes.xaxis, axes.yaxis):
            few_ticks(one)
        axes.set_xlabel(x.direction)
        axes.set_ylabel(y.direction)
        return canvas.finish(f"{y.label} against {x.label}", _words(x, y, front))


def best_in_two(x: Axis, y: Axis) -> list[str]:
    """The scenarios on the front of two metrics: none is as good in both and better in one.

    Those alone that are trained for both.
    """
    signs = [1 if axis.higher_is_better else -1 for axis in (x, y)]
    points = {
        a.scenario: (signs[0] * a.mean, signs[1] * b.mean)
        for a, b in zip(x.spreads, y.spreads, strict=True)
        if a.own and b.own
    }
    return [
        name
        for name, (across, up) in points.items()
        if not any(a >= across and b >= up and (a, b) != (across, up) for a, b in points.values())
    ]


def _words(x: Axis, y: Axis, front: Collection[str]) -> str:
    pairs = list(zip(x.spreads, y.spreads, strict=True))
    words = [f"{spoken(a)} in {x.label}, {spoken(b)} in {y.label}" for a, b in pairs[:10]]
    more = [f"and {len(pairs) - 10} more"] if len(pairs) > 10 else []
    return f"On the front: {', '.join(sorted(front)) or 'none'}. {'; '.join([*words, *more])}"


def _point(
    canvas: Canvas, labels: Labels, a: Spread, b: Spread, looks: Mapping[str, Look]
) -> tuple[tuple[float, float], str] | None:
    """Draw a scenario's mean with ± sd both ways, at the edge with an arrow where it lies beyond.

    Hollow where it is not trained for both.

    Returns:
        Where, and its name, unless it is one of many.
    """
    axes, look = labels.axes, looks[a.scenario]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x, y = min(max(a.mean, left), right), min(max(b.mean, bottom), top)
    beyond, one_of_many = (x, y) != (a.mean, b.mean), look.style is None
    if not (beyond or one_of_many):
        for across, up in ((a.sd, 0.0), (0.0, b.sd)):
            ends = (x - across, x + across), (y - up, y + up)
            axes.plot(*ends, color=look.colour, lw=1, alpha=0.6)
            labels.take((ends[0][0], ends[1][0]), (ends[0][1], ends[1][1]))
    marker = look.marker
    if beyond:
        marker = (">" if a.mean > x else "<") if x != a.mean else ("^" if b.mean > y else "v")
    face, edge, width = (look.colour, PAPER, 0.7)
    if not (a.own and b.own):
        face, edge, width = (PAPER, look.colour, 1.2)
    (dot,) = axes.plot(
        [x], [y], marker, mfc=face, mec=edge, mew=width, alpha=0.45 if one_of_many else 1,
        ms=5.5 if one_of_many else 7.5, clip_on=False, zorder=3,
    )  # fmt: skip
    canvas.note(dot, f"{spoken(a)}; {spoken(b)}", look.classes)
    labels.take((x, y), (x, y), 5)
    if one_of_many:
        return None
    name = short(a.scenario)
    return (x, y), f"{name} ({figures(a.mean)}, {figures(b.mean)})" if beyond else name


def staircase(
    points: Sequence[tuple[float, float]], better: tuple[bool, bool], worst: tuple[float, float]
) -> list[tuple[float, float]]:
    """The edge of what the points of a front reach, from one side of a plot to the other.

    Args:
        points: Those on the front, at least one.
        better: Whether a larger x, a larger y is better.
        worst: The x and y of the sides that are worse.
    """
    ordered = sorted(points, reverse=not better[0])  # the worst x first
    corners = [(worst[0], ordered[0][1])]
    for here, after in itertools.pairwise(ordered):
        corners += [here, (here[0], after[1])]
    return [*corners, ordered[-1], (ordered[-1][0], worst[1])]


def _front(axes: Axes, points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> None:
    if points:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        worst = left if x.higher_is_better else right, bottom if y.higher_is_better else top
        corners = staircase(points, (x.higher_is_better, y.higher_is_better), worst)
        axes.plot(*zip(*corners, strict=True), color=INK, lw=1.1, alpha=0.75)


def _floors(axes: Axes, x: Axis, y: Axis, labels: Labels) -> None:
    """The strongest baseline of each task, else floor, as a line, and shaded what beats both."""
    limits = axes.get_xlim(), axes.get_ylim()
    floors = [next(iter(axis.rivals), None) for axis in (x, y)]
    if floors[0]:
        name, value = floors[0]
        axes.axvline(value, color=FLOOR, lw=1.3, dashes=(4, 2))
        place = (value - limits[0][0]) / (limits[0][1] - limits[0][0])
        axes.annotate(
            name, (value, 1), (0, 4), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=9, color=FLOOR,
            ha="left" if place < 0.3 else "right" if place > 0.7 else "center",
        )  # fmt: skip
    if floors[1]:
        name, value = floors[1]
        axes.axhline(value, color=FLOOR, lw=1.3, dashes=(4, 2))
        labels.put((limits[0][1], value), name, FLOOR)
    if floors[0] and floors[1]:
        ends = [
            span[1 if axis.higher_is_better else 0]
            for axis, span in zip((x, y), limits, strict=True)
        ]
        axes.fill_between(
            (floors[0][1], ends[0]), floors[1][1], ends[1], color=FLOOR, alpha=0.07, lw=0
        )


class Labels:
    """Puts names beside points where there is room."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self._unit = axes.figure.dpi / 72
        self._taken: list[Box] = []

    def take(self, start: tuple[float, float], end: tuple[float, float], around: float = 1) -> None:
        """Keep names off a line or point.

        Args:
            start: Its lower left end.
            end: Its upper right end.
            around: How wide it is to every side, in points.
        """
        (a, b), (c, d) = self.axes.transData.transform([start, end])
        room = around * self._unit
        self._taken.append((a - room, b - room, c + room, d + room))

    def put(self, point: tuple[float, float], text: str, colour: str = INK) -> None:
        """Write a text beside a point: at the first place that is free and within the plot."""
        x, y = self.axes.transData.transform(point)
        width, height = 5.2 * len(text) * self._unit, 10 * self._unit
        frame = self.axes.bbox
        boxes = [
            (left, middle - height / 2, left + width, middle + height / 2)
            for up in (0, 11, -11, 22, -22, 33, -33)
            for left in (x + 8 * self._unit, x - 8 * self._unit - width, x - width / 2)
            if up or left != x - width / 2
            for middle in [y + up * self._unit]
        ]
        inside = [
            box
            for box in boxes
            if box[0] >= frame.x0
            and box[2] <= frame.x1
            and box[1] >= frame.y0
            and box[3] <= frame.y1
        ]
        free = [box for box in inside if not any(_overlap(box, other) for other in self._taken)]
        box = (free or inside or boxes)[0]
        self._taken.append(box)
        place = self.axes.transData.inverted().transform((box[0], (box[1] + box[3]) / 2))
        self.axes.text(place[0], place[1], text, va="center", ha="left", fontsize=9, color=colour)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
