"""The page's first words: the answer, how sure it is, and what it is about."""

from __future__ import annotations

from mtbench import evidence
from mtbench.evidence import words
from mtbench.evidence.words import listed
from mtbench.report.summary import MetricColumn, Row, Stat
from mtbench.text import counted

from . import labels
from .markup import Html, tag
from .view import View, best_row


def summary(view: View) -> Html:
    """The summary in words."""
    if not view.rows:
        whose = " of a scenario" if view.summary.baselines else ""
        return tag("p", f"No run{whose} went well, so there is nothing to compare.")
    return Html(
        "".join(
            [
                *(tag("p.first", f"{capital(text)}.") for text in view.summary.answer),
                labels.words(view),
                *(_best(view, column) for column in view.headline),
                _certainty(view),
            ]
        )
    )


def stat_text(stat: Stat) -> str:
    """`0.920 ± 0.010`, with two figures of the spread."""
    scale = stat.sd or 0.0
    mean = words.decimal(stat.mean, scale) if scale else f"{stat.mean:.4g}".replace("-", "−")
    return f"{mean} ± {words.decimal(scale, scale)}" if stat.sd else mean


def _best(view: View, column: MetricColumn) -> Html:
    """Who has the best mean of a metric, and who is within noise of it."""
    best = best_row(view.results, view.rows, column)
    task, _, metric = column.key.partition("/")
    better = "higher" if column.higher_is_better else "lower"
    title = tag("strong", f"{task}: {metric.replace('_', ' ')}")
    head: list[Html | str] = [title, f" ({better} is better): "]
    if best is None:
        return tag("p", *head, "no scenario was trained for it.")
    stat = best.metrics[column.key]
    seeds = counted(stat.n, "seed")
    trained = sum(task in row.trained for row in view.rows)
    has = f"has the best mean of {trained} scenarios trained for it,"
    if trained == 1:
        has = "is the only scenario trained for it:"
    lead = [tag("b.winner", best.name), f" {has} {stat_text(stat)} ({seeds})"]
    return tag("p", *head, *lead, *_near(view, column, best), ".")


def _near(view: View, column: MetricColumn, best: Row) -> list[Html | str]:
    """Whom what was seen does not tell apart from the best."""
    scenarios = {row.name for row in view.rows}
    others = [
        one
        for one in (*view.planned, *view.explored)
        if one.metric == column.key and best.name in (one.a, one.b)
        if {one.a, one.b} <= scenarios
    ]
    if not others:
        return []
    unknown = [one for one in others if one.low is None and one.verdict != "identical"]
    if len(unknown) == len(others):
        return ["; nothing here shows whether that is more than chance"]
    near = [one for one in others if one not in unknown and not _apart(one)]
    if not near:
        of = (
            "no other scenario's"
            if not unknown
            else f"none of {len(others) - len(unknown)} others'"
        )
        return [f"; the interval of {of} difference from it holds 0"]
    names = [one.a if one.b == best.name else one.b for one in near]
    return ["; ", tag("em", "within noise of it"), f": {listed(names)}"]


def _apart(one: evidence.Comparison) -> bool:
    """Whether the best is told apart: by the verdict where there is one, else by the interval."""
    if one.why:
        return one.verdict in ("better", "worse")
    return one.low is not None and one.high is not None and not one.low <= 0 <= one.high


def _certainty(view: View) -> Html:
    """What varied, what the intervals are about, and which family the verdicts are of."""
    basis = view.summary.basis
    if not any(one.p_adjusted is not None for one in view.planned):
        if len(view.rows) < 2:
            return Html()
        text = (
            f"No verdict here: fewer than {evidence.MIN_PAIRS} seeds, or differences that do not "
            f"vary, show nothing that a difference could be held against. {basis}"
        )
        return tag("p.note", text)
    text = (
        f"How sure: {basis} Scenarios are compared in pairs of the same seed by a t test. "
        f"A verdict has only what was planned: {_plans(view)}. These "
        f"{view.planned[0].family} p-values are corrected together (Holm), so that a page with no "
        "difference at all has any verdict in one of twenty suites. All else is exploratory: to "
        "look at, without a verdict. Brackets hold a difference's own 95 % interval. “No evidence "
        "of a difference” is not “equal”."
    )
    return tag("p.note", text)


def _plans(view: View) -> str:
    """What was planned on this page, in words."""
    texts = {
        evidence.SINGLE: "a scenario of several tasks against the task alone",
        evidence.FIRST: "against the first scenario of these tasks",
        evidence.SECOND: "the best mean against the second",
        evidence.RIVAL: "the best mean against the strongest baseline, or else floor",
    }
    found = {why for one in view.planned for why in one.why}
    return listed([text for why, text in texts.items() if why in found])


def all_sentences(view: View) -> Html:
    """The planned comparisons and the standings in words, folded."""
    said = [
        *evidence.sentences(view.planned),
        *evidence.transfer_sentences(view.deltas.values()),
        *evidence.front_sentences(view.front),
    ]
    if not said:
        return Html()
    items = [tag("li", capital(text), ".") for text in said]
    return tag("details", tag("summary", f"All {len(said)} findings in words"), tag("ul", *items))


def capital(text: str) -> str:
    """A sentence with a capital, unless it begins with a name."""
    ours = ("no ", "too ", "on the ", "the ", "training ", "of ", "whether ", "against ")
    return text[:1].upper() + text[1:] if text.startswith(ours) else text
