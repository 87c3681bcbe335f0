"""The plot of two tasks' metrics against each other."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence

from mtbench.evidence import Sweep

from .looks import Axis, Look, Spread, figures, short, spoken
from .markup import Html
from .places import Labels
from .plots import WIDTH, few_ticks, whisker
from .svg import FLOOR, INK, PAPER, Canvas

TICK = 0.035
"""Length of the tick of a baseline or floor, of the plot's."""


def trade_off(
    canvas: Canvas,
    axis: tuple[Axis, Axis],
    looks: Mapping[str, Look],
    sweeps: Sequence[Sweep] = (),
) -> Html:
    """Draw two tasks' metrics against each other: means ± sd, the front, baselines and floors.

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
        lines = _rivals(canvas, labels, x, y)
        for sweep in sweeps:
            points = sorted((pairs[name][0].mean, pairs[name][1].mean) for name in sweep.front)
            axes.plot(*zip(*points, strict=True), color=INK, lw=1, alpha=0.6, dashes=(1, 2))
            labels.take_line(points)
        _front(labels, [(pairs[name][0].mean, pairs[name][1].mean) for name in front], x, y)
        ordered = sorted(pairs.values(), key=lambda pair: looks[pair[0].scenario].style is not None)
        named = [_both(canvas, labels, x, y)]
        named += [_point(canvas, labels, a, b, looks[a.scenario]) for a, b in ordered]
        for place, text, colour in itertools.chain(*named[::-1]):
            labels.put(place, text, colour)
        for value, text in lines:
            labels.put_along(value, text, FLOOR)
        axes.grid()
        for one in (axes.xaxis, axes.yaxis):
            few_ticks(one)
        axes.set_xlabel(x.direction)
        axes.set_ylabel(y.direction)
        return canvas.finish(f"{y.label} against {x.label}", _words(x, y, front))


def best_in_two(x: Axis, y: Axis) -> list[str]:
    """The front of two metrics: no scenario is as good in both and better in one.

    It is of the scenarios that were trained for both.
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
    rivals = [_rival(axis, name, mean) for axis in (x, y) for name, mean in axis.rivals]
    said = "; ".join([*words, *more, *rivals])
    return f"On the front: {', '.join(sorted(front)) or 'none'}. {said}"


def _rival(axis: Axis, name: str, mean: float) -> str:
    """`baseline: ease: 0.41 in retrieval top 5`."""
    return f"{name}: {figures(mean)} in {axis.label}"


Name = tuple[tuple[float, float], str, str]
"""A place, the text to be put there, its colour."""


def _point(canvas: Canvas, labels: Labels, a: Spread, b: Spread, look: Look) -> list[Name]:
    """Draw a scenario's mean with ± sd both ways, at the edge with an arrow where it lies beyond.

    It is hollow and grey if the scenario was not trained for both.

    Returns:
        Its name, unless it is one of many.
    """
    axes = labels.axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x, y = min(max(a.mean, left), right), min(max(b.mean, bottom), top)
    beyond, one_of_many = (x, y) != (a.mean, b.mean), look.style is None
    colour, own = (look.colour, True) if a.own and b.own else (INK, False)
    if not (beyond or one_of_many):
        for spread, place, upright in ((a, y, False), (b, x, True)):
            ends = spread.mean - spread.sd, spread.mean + spread.sd
            whisker(axes, ends, place, upright=upright, color=colour, lw=1, alpha=0.6)
            labels.take_line([(place, end) if upright else (end, place) for end in ends])
    marker = look.marker
    if beyond:
        marker = (">" if a.mean > x else "<") if x != a.mean else ("^" if b.mean > y else "v")
    (dot,) = axes.plot(
        [x], [y], marker, color=colour, alpha=1 if own and not one_of_many else 0.5,
        mfc=colour if own else "none", mec=PAPER if own else colour, mew=0.7 if own else 1.2,
        ms=5.5 if one_of_many else 7.5, clip_on=False, zorder=3,
    )  # fmt: skip
    canvas.note(dot, f"{spoken(a)}; {spoken(b)}", look.classes)
    labels.take_point((x, y))
    if one_of_many:
        return []
    name = short(a.scenario)
    text = f"{name} ({figures(a.mean)}, {figures(b.mean)})" if beyond else name
    return [((x, y), text, INK)]


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


def _front(labels: Labels, points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> None:
    if points:
        axes = labels.axes
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        worst = left if x.higher_is_better else right, bottom if y.higher_is_better else top
        corners = staircase(points, (x.higher_is_better, y.higher_is_better), worst)
        axes.plot(*zip(*corners, strict=True), color=INK, lw=1.1, alpha=0.75)
        labels.take_line(corners)


def _rivals(canvas: Canvas, labels: Labels, x: Axis, y: Axis) -> list[tuple[float, str]]:
    """Baselines and floors: the strongest as lines, the others as ticks; shaded what beats both.

    Returns:
        The line across with its name, where there is one.
    """
    axes = labels.axes
    limits = axes.get_xlim(), axes.get_ylim()
    strongest = [next(iter(axis.rivals), None) for axis in (x, y)]
    for axis, upright in ((x, True), (y, False)):
        _ticks(canvas, labels, axis, upright)
    if strongest[0]:
        name, value = strongest[0]
        line = axes.axvline(value, color=FLOOR, lw=1.3, dashes=(4, 2))
        canvas.note(line, _rival(x, name, value))
        labels.take_line([(value, limit) for limit in limits[1]])
        place = (value - limits[0][0]) / (limits[0][1] - limits[0][0])
        axes.annotate(
            name, (value, 1), (0, 4), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=9, color=FLOOR,
            ha="left" if place < 0.3 else "right" if place > 0.7 else "center",
        )  # fmt: skip
    if strongest[1]:
        name, value = strongest[1]
        line = axes.axhline(value, color=FLOOR, lw=1.3, dashes=(4, 2))
        canvas.note(line, _rival(y, name, value))
        labels.take_line([(limit, value) for limit in limits[0]])
    if strongest[0] and strongest[1]:
        ends = [
            span[1 if axis.higher_is_better else 0]
            for axis, span in zip((x, y), limits, strict=True)
        ]
        axes.fill_between(
            (strongest[0][1], ends[0]), strongest[1][1], ends[1], color=FLOOR, alpha=0.07, lw=0
        )
    return [(strongest[1][1], strongest[1][0])] if strongest[1] else []


def _ticks(canvas: Canvas, labels: Labels, axis: Axis, upright: bool) -> None:
    """The rivals of a task that are not its strongest, as ticks at its axis; their names in notes.

    Args:
        canvas: Draws.
        labels: Of the plot.
        axis: The metric.
        upright: Whether the ticks are, which are those of the metric across.
    """
    axes = labels.axes
    (low, high), other = axes.get_xlim(), axes.get_ylim()
    if not upright:
        (low, high), other = other, (low, high)
    end = other[0] + TICK * (other[1] - other[0])
    for name, value in axis.rivals[1:]:
        if low <= value <= high:
            ends = ([value, value], [other[0], end]) if upright else ([other[0], end], [value] * 2)
            (tick,) = axes.plot(*ends, color=FLOOR, lw=1.6)
            canvas.note(tick, _rival(axis, name, value))
            labels.take_line(list(zip(*ends, strict=True)))


def _both(canvas: Canvas, labels: Labels, x: Axis, y: Axis) -> list[Name]:
    """Draw the baselines that serve both tasks and lie within the axes; return their names."""
    axes, names = labels.axes, []
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for name, across in x.baselines.items():
        up = y.baselines.get(name)
        if up is None or not (left <= across <= right and bottom <= up <= top):
            continue
        (star,) = axes.plot([across], [up], "*", color=FLOOR, mec=PAPER, mew=0.5, ms=9, zorder=3)
        text = f"baseline: {name}: {figures(across)} in {x.label}, {figures(up)} in {y.label}"
        canvas.note(star, text)
        labels.take_point((across, up))
        names.append(((across, up), short(name), FLOOR))
    return names
