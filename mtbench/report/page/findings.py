"""The tables of comparisons and of failed runs."""

from __future__ import annotations

from collections.abc import Sequence

from mtbench import evidence
from mtbench.evidence import words
from mtbench.text import counted

from . import wording
from .looks import metric_label
from .markup import Html, lines, tag
from .tabular import cell, column, row_head, table
from .view import View


def comparisons(view: View) -> Html:
    """What is compared with what, with every number behind the words."""
    if not (view.planned or view.explored):
        return Html()
    tables = []
    if view.planned:
        caption = (
            "What was planned: paired differences with their 95 % intervals, each for itself; "
            "p-values corrected for all of this table (Holm). “Four of five would find”: a further "
            "suite like this one, of as many seeds, finds a true difference of that size with an "
            "assurance of 0.8."
        )
        tables.append(_compared("comparisons", caption, view.planned))
    if view.explored:
        caption = (
            "Exploratory, without a verdict: every scenario and baseline against the best mean of "
            "each headline metric. Of many such intervals some miss by chance."
        )
        tables.append(_compared("exploratory", caption, view.explored))
    return tag("div", *tables, wording.all_sentences(view))


def _compared(key: str, caption: str, listed: Sequence[evidence.Comparison]) -> Html:
    """A table of comparisons, folded where there are many or where they have no verdict."""
    planned = key == "comparisons"
    beyond = any(one.beyond for one in listed)
    head = [
        column("metric", text=True),
        column("scenario", text=True),
        column("against", text=True),
        column("difference", tag("small", "this data set"), better="higher"),
        *([column("other data of the kind", tag("small", "interval"))] if beyond else []),
        column("effect d", tag("sub", "z"), better="higher"),
    ]
    if planned:
        head += [
            column("p", tag("small", "corrected")),
            column("four of five would find"),
            column("verdict", text=True),
            column("planned as", text=True),
        ]
    rows = [("" if planned else "explored", _comparison(one, beyond, planned)) for one in listed]
    made = table(key, caption, head, rows)
    if planned and len(rows) <= 16:
        return made
    what = "planned comparison" if planned else "exploratory comparison"
    text = counted(len(rows), what) if len(rows) == 1 else f"All {counted(len(rows), what)}"
    return tag("details", tag("summary", text), made)


def _comparison(one: evidence.Comparison, beyond: bool, planned: bool) -> list[Html]:
    has_interval = one.low is not None and one.high is not None
    scale = ((one.high or 0) - (one.low or 0)) / 2 if has_interval else abs(one.mean)
    interval = None
    if has_interval:
        interval = tag("small", words.ends(one, scale))
    styles = {"better": "b.good", "worse": "b.bad"}
    cells = [
        row_head(metric_label(one.metric)),
        cell(one.b, value=one.b, text=True),
        cell(one.a, value=one.a, text=True),
        cell(words.by(one.mean, scale), interval, value=one.mean),
    ]
    if beyond:
        cells.append(_beyond(one))
    cells.append(cell(_maybe(one.effect), value=one.effect))
    if planned:
        over = tag("small", words.counted_of(one))
        found = "–" if one.detectable is None else words.decimal(one.detectable, scale)
        verdict = tag(styles.get(one.verdict, "span"), one.verdict)
        cells += [
            cell(_p(one.p_adjusted), value=one.p_adjusted),
            cell(found, value=one.detectable),
            cell(verdict, over, value=one.verdict, text=True),
            cell("; ".join(one.why), value="; ".join(one.why), text=True),
        ]
    return cells


def _beyond(one: evidence.Comparison) -> Html:
    """The interval for other data of the kind, its sign as of the difference beside it."""
    if one.beyond is None:
        return cell("–", value=None)
    low, high = one.beyond
    sign = -1 if one.mean < 0 else 1
    low, high = sorted((sign * low, sign * high))
    return cell(words.interval(low, high, (high - low) / 2), value=low)


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
