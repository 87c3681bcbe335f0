"""The tables of comparisons and of failed runs."""

from __future__ import annotations

from collections.abc import Sequence

from mtbench import evidence
from mtbench.evidence import words

from .looks import metric_label
from .markup import Html, lines, tag
from .tabular import cell, column, row_head, table
from .view import View


def comparisons(view: View) -> Html:
    """What is compared with what, with every number behind the words."""
    caption = (
        "Paired differences with their 95 % intervals, each for itself; p-values corrected for all "
        "comparisons of the table (Holm); “could have found”: the smallest true difference found "
        "four times in five with this many seeds."
    )
    listed = [*(view.planned or view.pairs), *view.users]
    tables = [_compared("comparisons", caption, listed)] if listed else []
    if view.baselines:
        against = "Every scenario against the strongest baseline of each task it trains, likewise."
        tables.append(_compared("against-baselines", against, view.baselines))
    return Html("".join(tables))


def _compared(key: str, caption: str, listed: Sequence[evidence.Comparison]) -> Html:
    """A table of comparisons, folded where there are many."""
    head = [
        column("metric", text=True),
        column("scenario", text=True),
        column("against", text=True),
        column("difference", tag("small", "+ is better"), better="higher"),
        column("p", tag("small", "corrected")),
        column("effect d", tag("sub", "z"), better="higher"),
        column("could have found"),
        column("verdict", text=True),
    ]
    rows = [("", _comparison(one)) for one in listed]
    made = table(key, caption, head, rows)
    if len(rows) <= 16:
        return made
    what = "comparisons with baselines" if key == "against-baselines" else "comparisons"
    return tag("details", tag("summary", f"All {len(rows)} {what}"), made)


def _comparison(one: evidence.Comparison) -> list[Html]:
    has_interval = one.low is not None and one.high is not None
    scale = ((one.high or 0) - (one.low or 0)) / 2 if has_interval else 0.0
    interval = (
        tag(
            "small",
            f"[{words.decimal(one.low or 0, scale)}, {words.decimal(one.high or 0, scale)}]",
        )
        if has_interval
        else None
    )
    styles = {"better": "b.good", "worse": "b.bad"}
    over = tag("small", f"{one.n} {one.over}")
    return [
        row_head(metric_label(one.metric)),
        cell(one.b, value=one.b, text=True),
        cell(one.a, value=one.a, text=True),
        cell(words.decimal(one.mean, scale, "+"), interval, value=one.mean),
        cell(_p(one.p_adjusted), value=one.p_adjusted),
        cell(_maybe(one.effect), value=one.effect),
        cell(
            "–" if one.detectable is None else words.decimal(one.detectable, scale),
            value=one.detectable,
        ),
        cell(tag(styles.get(one.verdict, "span"), one.verdict), over, value=one.verdict, text=True),
    ]


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _maybe(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def failures(view: View) -> Html:
    """The runs that failed, with their errors."""
    head = [column("scenario", text=True), column("seed"), column("error", text=True)]
    rows = []
    for run in view.results.failed:
        error = run.error
        if error is None:
            continue
        text = "\n".join(error.traceback)
        folded = tag("details", tag("summary", "traceback"), tag("pre", lines(text)))
        content = [tag("b", error.type), ": ", error.message, folded if text else None]
        rows.append(
            (
                "",
                [
                    row_head(run.scenario),
                    cell(run.seed, value=run.seed),
                    cell(*content, value=error.type, text=True),
                ],
            )
        )
    return table("failed-runs", "Runs that failed; they are in no number above.", head, rows)
