"""How options were chosen: the budget, the best by number of trials, and what was chosen."""

from __future__ import annotations

from collections.abc import Iterator

from mtbench.evidence.tuning import at_edge, expected_best
from mtbench.records.results import Scenario
from mtbench.records.tuning import Tuning
from mtbench.report.tuning import budget

from . import curves
from .curves import Line, Panel
from .looks import figures, metric_label
from .markup import Html, tag
from .panels import figure, legend
from .svg import Canvas
from .tabular import cell, column, row_head, table
from .view import View

TEXT = (
    "Of the validation part, with seeds that are none of the results'. A curve is the value that "
    "the best of so many trials is expected to have (Dodge et al. 2019); the trial is chosen by "
    "the mean of the logarithms of its arm's metrics. What ends early at the right has had too few "
    "trials."
)


def section(view: View, canvas: Canvas) -> Html:
    """What is said of tuning; nothing where no option was chosen."""
    arms = list(_tuned(view))
    if not arms:
        return Html()
    drawn = [figure(panel.title, curves.draw(canvas, panel, view.looks)) for panel in _panels(view)]
    shown = {line.scenario for panel in _panels(view) for line in panel.lines}
    parts = [tag("p.note", f"{line}.") for line in budget(view.results)]
    if drawn:
        parts += [tag("p.note", TEXT), legend(view, shown), tag("div.plots", *drawn)]
    return tag("div", *parts, _table(arms))


def _tuned(view: View) -> Iterator[tuple[Scenario, Tuning]]:
    for arm in (*view.results.scenarios.values(), *view.results.baselines.values()):
        if arm.answer.tuning:
            yield arm, arm.answer.tuning


def _panels(view: View) -> list[Panel]:
    """A panel for each metric that decided, with a line for each scenario."""
    lines: dict[str, list[Line]] = {}
    for arm, tuning in _tuned(view):
        for metric in tuning.metrics if arm.name in view.looks and tuning.trials > 1 else ():
            expected = expected_best(tuning, metric)
            if expected:
                numbers = range(1, len(expected) + 1)
                line = Line(arm.name, list(numbers), expected, expected, expected)
                lines.setdefault(metric, []).append(line)
    return [
        Panel(f"{metric_label(metric)} of the best of n trials", each, unit="trials")
        for metric, each in lines.items()
    ]


def _table(arms: list[tuple[Scenario, Tuning]]) -> Html:
    head = [
        column("scenario or baseline", text=True),
        column("trials", better="higher"),
        column("chosen", tag("small", "number of the trial")),
        column("validation", tag("small", "as it was"), text=True),
        column("options", tag("small", "at the edge of its space: marked"), text=True),
    ]
    caption = (
        "What was chosen for each arm, and for what: the metrics that decided, of the chosen trial "
        "and of the first, which has the options as they were."
    )
    return table("tuning", caption, head, [("", _row(*arm)) for arm in arms])


def _row(arm: Scenario, tuning: Tuning) -> list[Html]:
    edges = {path: end for path, _, end in at_edge(tuning)}
    values = [
        tag(
            "div",
            f"{metric_label(name)} {_figure(each[tuning.best])} ",
            tag("small", _figure(each[0])),
        )
        for name, each in tuning.values.items()
    ]
    options = [
        tag(
            "div",
            f"{path} = {value}",
            tag("small.bad", f" {edges[path]} of its space") if path in edges else None,
        )
        for path, value in (*tuning.options.items(), *_epochs(tuning))
    ]
    ended = tag("small", f"{len(tuning.pruned)} ended early") if tuning.pruned else None
    return [
        row_head(arm.name),
        cell(tuning.trials, ended, value=tuning.trials),
        cell(tuning.best + 1, value=tuning.best + 1),
        cell(*values, value=tuning.scores[tuning.best], text=True),
        cell(options or "as they were", value=len(options), text=True),
    ]


def _epochs(tuning: Tuning) -> Iterator[tuple[str, int]]:
    if tuning.epochs:
        yield "train.epochs", tuning.epochs


def _figure(value: float | None) -> str:
    return "failed" if value is None else figures(value)
