"""The page's first words: what won, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from mtbench import evidence
from mtbench.evidence import words
from mtbench.report.summary import MetricColumn, Row, Stat

from . import labels
from .looks import metric_label
from .markup import Html, tag
from .view import View, best_row

MOST_NAMES, MOST_GAPS = 5, 4


def summary(view: View) -> Html:
    """The summary in words."""
    if not view.rows:
        whose = " of a scenario" if view.summary.baselines else ""
        return tag("p", f"No run{whose} went well, so there is nothing to compare.")
    return Html(
        "".join(
            [
                _shortfalls(view),
                labels.words(view),
                _overall(view),
                *(_winner(view, column) for column in view.headline),
                _transfer(view),
                _fronts(view),
                _certainty(view),
                _all_sentences(view),
            ]
        )
    )


def _shortfalls(view: View) -> Html:
    """Which scenarios a strong simple model beats: before all that is said of the others."""
    said = " ".join(f"{_capital(text)}." for text in view.summary.shortfalls)
    return tag("p.first.warn", said) if said else Html()


def _overall(view: View) -> Html:
    """Whether one scenario is best in everything."""
    best: dict[str, list[str]] = {}
    for column in view.headline:
        if row := best_row(view.rows, column):
            best.setdefault(row.name, []).append(metric_label(column.key))
    if len(view.rows) < 2 or not best:
        return Html()
    if len(best) == 1:
        count = len(view.headline)
        where = f"all {count} headline metrics" if count > 1 else "the headline metric"
        return tag("p.first", tag("b.winner", *best), f" has the best mean in {where}.")
    words_of = [[tag("b.winner", name), f" in {listed(won)}"] for name, won in best.items()]
    return tag(
        "p.first", "No scenario is best in everything. Best means: ", *_between(words_of), "."
    )


def _between(parts: Sequence[Sequence[Html | str]]) -> list[Html | str]:
    """Parts with semicolons between them."""
    joined: list[Html | str] = []
    for n, part in enumerate(parts):
        joined += [*(["; "] if n else []), *part]
    return joined


def stat_text(stat: Stat) -> str:
    """`0.920 ± 0.010`, with two figures of the spread."""
    scale = stat.sd or 0.0
    mean = words.decimal(stat.mean, scale) if scale else f"{stat.mean:.4g}".replace("-", "−")
    return f"{mean} ± {words.decimal(scale, scale)}" if stat.sd else mean


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """`a, b and c`, of many `a, b, c and 20 more`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _winner(view: View, column: MetricColumn) -> Html:
    """Who has the best mean of a metric, how far above the floor, and who is told apart from it."""
    best = best_row(view.rows, column)
    task, _, metric = column.key.partition("/")
    better = "higher" if column.higher_is_better else "lower"
    title = tag("strong", f"{task}: {metric.replace('_', ' ')}")
    head: list[Html | str] = [title, f" ({better} is better): "]
    if best is None:
        return tag("p", *head, "no scenario was trained for it.")
    stat = best.metrics[column.key]
    seeds = f"{stat.n} seed{'s' * (stat.n > 1)}"
    rivals = [r for r in view.rows if task in r.trained and r is not best]
    has = f"has the best mean of {len(rivals) + 1} scenarios trained for it,"
    if not rivals:
        has = "is the only scenario trained for it:"
    lead = [
        tag("b.winner", best.name),
        f" {has} {stat_text(stat)} ({seeds})",
        _above(best, column),
        ". ",
    ]
    return tag("p", *head, *lead, *_rivals(view, column, best, rivals))


def _above(row: Row, column: MetricColumn) -> str:
    above = row.above(column)
    if above is None:
        return ""
    side = "better" if above > 0 else "worse"
    scale = row.metrics[column.key].sd or abs(above)
    rival = f"baseline, {column.baseline}" if column.baseline else f"floor, {column.floor}"
    return f", {words.decimal(abs(above), scale)} {side} than the strongest {rival}"


def _rivals(view: View, column: MetricColumn, best: Row, rivals: Sequence[Row]) -> list[Html | str]:
    """Whom the best is told apart from, by how much, and whom not."""
    by_rival = {
        one.a if one.b == best.name else one.b: one
        for one in view.pairs
        if one.metric == column.key and best.name in (one.a, one.b)
    }
    judged = sorted(
        (name for name, one in by_rival.items() if one.p_adjusted is not None),
        key=lambda name: abs(by_rival[name].mean),
    )
    apart = [_gap(name, by_rival[name]) for name in judged if _differs(by_rival[name])]
    close = [_gap(name, by_rival[name]) for name in judged if not _differs(by_rival[name])]
    said: list[Html | str] = []
    if apart:
        said.append(f"It is better than {listed(apart, MOST_GAPS)}. ")
    if close:
        said += [tag("em", "No evidence of a difference"), f" from {listed(close, MOST_GAPS)}."]
    if rivals and not judged:
        said.append("Too few seeds to call it better than another.")
    return said


def _differs(one: evidence.Comparison) -> bool:
    return one.verdict in ("better", "worse")


def _gap(name: str, one: evidence.Comparison) -> str:
    """`joint (by 0.0170 [0.0118, 0.0223], p = 0.007)`: how far a scenario is behind the best."""
    sign = 1 if one.mean > 0 else -1
    low, high = sorted((sign * (one.low or 0), sign * (one.high or 0)))
    scale = (high - low) / 2 or abs(one.mean)
    p = words.p_value(one).partition(" corrected")[0]
    by = words.decimal(abs(one.mean), scale)
    return f"{name} (by {by} [{words.decimal(low, scale)}, {words.decimal(high, scale)}], {p})"


def _transfer(view: View) -> Html:
    """Δm of the best scenarios, and negative transfer."""
    if not view.deltas:
        return Html()
    ordered = sorted(view.deltas.values(), key=lambda delta: -delta.mean)
    texts = [_without_start(evidence.transfer_sentences([delta])[0]) for delta in ordered]
    order = ", the best first" if len(ordered) > 1 else ""
    said = [
        tag("strong", "Against single tasks"),
        f" (Δm: mean relative gain of the tasks{order}): ",
        listed(texts, MOST_GAPS),
        ".",
    ]
    if any(delta.low is not None for delta in ordered):
        hurt = [delta for delta in ordered if delta.negative_transfer]
        named = [f"{delta.scenario} (in {listed(delta.negative_transfer)})" for delta in hurt]
        said += [
            tag("strong.warn" if hurt else "span", " Negative transfer"),
            f": {listed(named) if hurt else 'none found'}.",
        ]
    return tag("p", *said)


def _without_start(sentence: str) -> str:
    """`joint −2.6 % [−3.8, −1.3] (5 seeds)`: what the paragraph has said is left out."""
    return sentence.replace(" against single tasks: Δm", "").partition("; negative transfer")[0]


def _fronts(view: View) -> Html:
    """The front, and how strategies stand against each sweep."""
    if len(view.front.points) < 2:
        return Html()
    said = evidence.front_sentences(view.front)[:1]
    if volume := evidence.hypervolume_sentence(view.front):
        said.append(volume)
    for sweep in view.front.sweeps:
        groups: dict[str, list[str]] = {}
        for one in view.front.standings:
            if one.sweep == sweep.name:
                groups.setdefault(_standing(one), []).append(one.scenario)
        texts = [f"{what}: {listed(names)}" for what, names in groups.items()]
        if texts:
            points = f"all {len(sweep.members)} points of the sweep of {sweep.name}"
            said.append(f"Against {points}, none of them chosen, by means: {'; '.join(texts)}")
    return Html("".join(tag("p", _capital(text), ".") for text in said))


def _standing(one: evidence.Standing) -> str:
    if one.dominated_by:
        return "dominated by at least one"
    if len(one.dominates) == one.members:
        return "better than all of them in every task"
    return "neither dominated by one nor better than all"


def _certainty(view: View) -> Html:
    """What the verdicts rest on."""
    if not any(one.p_adjusted is not None for one in view.pairs):
        if len(view.rows) < 2:
            return Html()
        text = (
            f"Fewer than {evidence.MIN_PAIRS} seeds do not show how much a difference varies by "
            "chance, so that no scenario is called better than another here."
        )
        return tag("p.note", text)
    tests = view.pairs[0].family
    text = (
        "How sure: scenarios are compared on the same seeds (split, initial weights, order of the "
        f"batches) by a paired t test; p is corrected for all {tests} comparisons (Holm), a "
        "difference is called one where p < 0.05, and brackets hold its own 95 % interval. “No "
        "evidence of a difference” is not “equal”: it is what this many seeds can tell."
    )
    return tag("p.note", text)


def _all_sentences(view: View) -> Html:
    """The planned comparisons in words, folded."""
    said = [
        *evidence.sentences(view.planned),
        *evidence.sentences(view.users),
        *evidence.transfer_sentences(view.deltas.values()),
        *evidence.front_sentences(view.front)[1:],
    ]
    if not said:
        return Html()
    items = [tag("li", _capital(text), ".") for text in said]
    return tag("details", tag("summary", f"All {len(said)} findings in words"), tag("ul", *items))


def _capital(text: str) -> str:
    """A sentence with a capital, unless it begins with a name."""
    return (
        text[:1].upper() + text[1:]
        if text.startswith(("no ", "too ", "on ", "the only ", "hypervolume "))
        else text
    )
