"""The page's figures, section by section, with what there is to say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from mtbench.records.columns import NUMBERS
from mtbench.report.summary import Row

from . import curves, plots
from .curves import Panel
from .looks import Look, Spread, short
from .markup import Html, tag
from .plots import Bar
from .svg import Canvas
from .tradeoff import trade_off
from .view import View

LOSSES = (
    "Mean loss of an epoch's steps on the training part; the band spans all seeds. Losses of one "
    "task compare between scenarios, losses of different tasks do not."
)
WEIGHTS = (
    "Each task's weight of its gradient in the update of the shared parameters, mean of an epoch's "
    "steps; the band spans all seeds. A strategy's scale is its own, and Adam hardly sees it: the "
    "ratio of the weights is what counts."
)
GRADIENTS = (
    "Of the tasks' gradients by the shared parameters, mean of an epoch's steps; the band spans "
    "all seeds. In conflict: the share of steps in which the cosine of two gradients is negative."
)
COSTS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("time of a training step", "step_per_reference", lambda v: f"{v:,.2f}"),
    ("time a run takes", "run_s", lambda v: f"{v:,.1f} s"),
)
"""Title, key of the number, and its text. Peak memory is none of them: it holds what earlier runs
of the process have left, so that scenarios do not compare by it."""


def metrics(view: View, canvas: Canvas) -> Html:
    """Each headline metric with every seed."""
    drawn = []
    for column in view.headline:
        axis = view.axis(column.key)
        drawn.append(figure(axis.label, plots.dots(canvas, axis, view.looks)))
    if not drawn:
        return Html()
    text = (
        "Marker: mean; line: ± sd over seeds; ticks: the seeds; dashed: "
        f"{'baselines and floors' if view.summary.baselines else 'floors'}. Arrows at an edge "
        "stand for what lies beyond it: a mean with its value, a hollow one for each seed, and "
        "the small end of a line." + (" The best is on top." if len(view.rows) > plots.MANY else "")
    )
    return tag("div", tag("p.note", text), tag("div.plots", *drawn))


def trade_offs(view: View, canvas: Canvas) -> Html:
    """Each pair of tasks against each other, with baselines and floors."""
    axes = [view.axis(objective.key) for objective in view.front.objectives]
    if len(view.rows) < 2 or len(axes) < 2:
        return Html()
    sweeps = view.front.sweeps if len(axes) == 2 else ()
    drawn = [
        figure(
            f"{second.label} against {first.label}",
            trade_off(canvas, (first, second), view.looks, sweeps),
        )
        for n, first in enumerate(axes)
        for second in axes[n + 1 :]
    ]
    rival = "baseline, or else floor," if view.summary.baselines else "floor"
    said = (
        f"Means ± sd over seeds. Shaded: better than the strongest {rival} in both (dashed); ticks "
        "at an axis: the others of that task."
    )
    names = [set(axis.baselines) for axis in axes]
    if any(one & other for n, one in enumerate(names) for other in names[n + 1 :]):
        said += " Star: a baseline that serves both."
    if any(point.on_front for point in view.front.points):
        said += (
            " The solid line is the Pareto front of the scenarios that train both: none is as good "
            "in both and better in one than those on it, by means."
        )
    if sweeps:
        said += " Dotted: the best of a sweep."
    if any(not spread.own for axis in axes for spread in axis.spreads):
        said += " Hollow: trained for one of the two alone."
    shown = [row.name for row in view.rows]
    trained = Counter(spread.scenario for axis in axes for spread in axis.spreads if spread.own)
    hollow = {name for name in shown if trained[name] < 2}
    return tag("div", *drawn, tag("p.note", said), legend(view, shown, hollow))


def gains(view: View, canvas: Canvas) -> Html:
    """Δm of the scenarios of several tasks."""
    if not view.deltas:
        return Html()
    deltas = list(view.deltas.values())
    said = (
        "Δm: mean relative gain over the single-task scenarios with the same seeds, with its 95 % "
        "interval; tasks weigh alike (Maninis et al. 2019). A number to order by; verdicts are of "
        "the planned comparisons, metric by metric."
    )
    drawn = figure("Δm against single tasks", plots.gains(canvas, deltas, view.looks))
    return tag("div", tag("p.note", said), tag("div.plots.wide", drawn))


def lines(view: View, canvas: Canvas, panels: Sequence[Panel], text: str) -> Html:
    """Curves over epochs."""
    if not panels:
        return Html()
    drawn = [
        figure(
            panel.title + (" (log scale)" if panel.log else ""),
            curves.draw(canvas, panel, view.looks),
        )
        for panel in panels
    ]
    shown = {line.scenario for panel in panels for line in panel.lines}
    return tag("div", tag("p.note", text), legend(view, shown), tag("div.plots", *drawn))


def costs(view: View, canvas: Canvas) -> Html:
    """Speed as bars, relative to the first scenario of several tasks."""
    reference = view.reference
    if reference is None:
        return Html()
    drawn = []
    for title, key, form in COSTS:
        rows = _bars(view, reference, key, form)
        if rows:
            label = f"relative to {short(reference.name)}"
            svg = plots.bars(canvas, title, label, rows, view.looks)
            drawn.append(figure(title, svg))
    text = (
        f"Relative to {reference.name} (hatched), means over seeds; the line is ± sd. A step is "
        "timed in units of a small reference model that takes turns with the steps, so that "
        "another load on the machine cancels out; beside the bar its time in that unit. The time "
        "of a scenario's first run holds the tracing. Throughput by the clock and the peak memory "
        "of the process, which depends on the runs before, are in the table of costs."
    )
    return tag("div", tag("p.note", text), tag("div.plots", *drawn))


def _bars(view: View, reference: Row, key: str, form: Callable[[float], str]) -> list[Bar]:
    read = next(number.read for number in NUMBERS if number.key == key)
    base = view.values(reference.name, read)
    if not sum(base):
        return []
    unit = sum(base) / len(base)
    rows = []
    for row in view.rows:
        values = view.values(row.name, read)
        if values:
            spread = Spread(row.name, tuple(values))
            ratio = 1.0 if row is reference else spread.mean / unit
            text = f"{ratio:.2f}× · {form(spread.mean)}"
            rows.append(Bar(row.name, ratio, spread.sd / unit, text, row is reference))
    return rows


def figure(title: str, svg: Html) -> Html:
    """A figure with its title."""
    return tag("figure", tag("h3", title), svg)


def legend(view: View, shown: Collection[str], hollow: Collection[str] = ()) -> Html:
    """How scenarios look; pressing one makes it stand out.

    Args:
        view: What the page shows.
        shown: Names of the scenarios.
        hollow: Those of them that are drawn hollow.
    """
    entries = [(row.name, view.looks[row.name]) for row in view.rows if row.name in shown]
    marked = [_entry(*entry, entry[0] in hollow) for entry in entries if entry[1].style is not None]
    grey = [_entry(*entry) for entry in entries if entry[1].style is None]
    if not grey:
        return tag("ul.legend", *marked, aria_label="legend")
    folded = tag(
        "details",
        tag("summary", f"{len(grey)} more in grey"),
        tag("ul.legend", *grey, aria_label="scenarios in grey"),
    )
    return tag("div", tag("ul.legend", *marked, aria_label="legend"), folded)


def _entry(name: str, look: Look, hollow: bool = False) -> Html:
    return tag("li", tag("span", plots.swatch(look, hollow), name, data_s=f"s{look.number}"))
