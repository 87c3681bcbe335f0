"""Transfer by share of labels: the gain over the task alone as a curve, and what it is worth."""

from __future__ import annotations

from mtbench import evidence
from mtbench.evidence import Transfer

from .looks import Axis, Spread, metric_label
from .markup import Html, tag
from .panels import figure
from .svg import Canvas
from .sweepplot import Curve, Panel, draw
from .view import View

TEXT = (
    "How much better than the task alone, with the same share of its labels and the same seeds: "
    "means over seeds, the band is ± sd. Where a curve meets no difference, training together "
    "breaks even. Intervals are of the percentile bootstrap over seeds: of this data set's splits, "
    "subsets of labels and initial weights."
)


def section(view: View, canvas: Canvas) -> Html:
    """The curves of each task whose share of labels is swept, and the sentences."""
    found = evidence.transfers(view.results)
    if not found:
        return Html()
    drawn = []
    for metric, single in dict.fromkeys((one.metric, one.single) for one in found):
        curves = [one for one in found if (one.metric, one.single) == (metric, single)]
        title = f"gain in {metric_label(metric.key)} over {single}"
        drawn.append(figure(title, draw(canvas, _panel(title, curves), view.looks)))
    said = [tag("li", f"{text}.") for text in evidence.label_sentences(found)]
    return tag(
        "div", tag("p.note", TEXT), tag("div.plots.wide", *drawn), tag("ul.sentences", *said)
    )


def words(view: View) -> Html:
    """The sentences as the page's first words."""
    said = evidence.label_sentences(evidence.transfers(view.results))
    return Html("".join(tag("p.first", f"{text}.") for text in said))


def _panel(title: str, found: list[Transfer]) -> Panel:
    curves = [
        Curve(
            one.other,
            {
                100 * share: Spread(one.other, tuple(map(float, one.differences[:, n])))
                for n, share in enumerate(one.shares)
            },
        )
        for one in found
    ]
    spreads = [spread for curve in curves for spread in curve.points.values()]
    axis = Axis(title, True, {"no difference": 0.0}, spreads)
    return Panel("% of the labels", axis, curves, [])
