"""Evidence in plain words, one sentence each; names are as they are, to be escaped by a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from mtbench.records.results import Metric, Results
from mtbench.text import counted

from .comparison import LARGEST_SHARE, Comparison
from .families import SINGLE
from .front import Front, SweepStanding
from .multitask import DeltaM
from .rivals import Standing, against_rivals

_MOST = 5
"""Names in a sentence about several scenarios."""


def sentences(comparisons: Iterable[Comparison]) -> list[str]:
    """Say what each comparison shows, or that it shows nothing."""
    return [_sentence(one) for one in comparisons]


def _sentence(one: Comparison) -> str:
    start = f"{one.b} and {one.a}"
    if one.verdict == "identical":
        return f"{start} are identical in {one.metric}: equal in each of {counted_of(one)}"
    if one.verdict == "too few seeds":
        few = f"{counted_of(one)} {'is' if one.n == 1 else 'are'} too few"
        seen = by(one.mean, abs(one.mean))
        return f"{few} to compare {one.b} with {one.a} in {one.metric} (as seen: {seen})"
    if one.verdict == "no spread":
        return (
            f"no claim on {start} in {one.metric}: {by(one.mean, abs(one.mean))} in each of "
            f"{counted_of(one)}, which shows no spread to hold that against"
        )
    if one.verdict == "no evidence of a difference":
        return _nothing_found(one)
    return f"{one.b} is {one.verdict} than {one.a} in {one.metric} by {amount(one)}"


def amount(one: Comparison) -> str:
    """`0.017 [0.012, 0.022] (5 seeds, p = 0.007 corrected for 9 comparisons)`, without a sign."""
    between = f" {ends(one, _scale(one))}" if one.low is not None else ""
    told = ", ".join(text for text in (counted_of(one), p_value(one)) if text)
    return f"{decimal(abs(one.mean), _scale(one))}{between} ({told})"


def ends(one: Comparison, scale: float) -> str:
    """The interval of a difference that is told without its sign."""
    sign = 1 if one.mean >= 0 else -1
    low, high = sorted((sign * (one.low or 0), sign * (one.high or 0)))
    return interval(low, high, scale)


def counted_of(one: Comparison) -> str:
    """`1 seed`, `5 seeds`, `4 splits`, `5 seeds and users`."""
    over = one.over
    return f"{one.n} {over.removesuffix('s') if one.n == 1 and over != 'seeds and users' else over}"


def _nothing_found(one: Comparison) -> str:
    scale = _scale(one)
    seen = f"{'better' if one.mean > 0 else 'worse'} by {amount(one)}"
    if not one.mean:
        seen = f"0 {ends(one, scale)} ({counted_of(one)}, {p_value(one)})"
    text = f"no evidence of a difference between {one.b} and {one.a} in {one.metric}: {seen}"
    if one.detectable is None:
        return text
    found = decimal(one.detectable, scale)
    return f"{text}; four of five further suites like this one would find a difference of {found}"


def answer_sentences(results: Results, planned: Sequence[Comparison]) -> list[str]:
    """Say first what a reader asks: whether joint training helped, and whether it beats baselines.

    Args:
        results: Of a suite.
        planned: The comparisons of `evidence.planned`, all that has a verdict.
    """
    return [
        *together_sentences(results, planned),
        *(_against_rival(one) for one in against_rivals(results, planned)),
    ]


def together_sentences(results: Results, planned: Sequence[Comparison]) -> list[str]:
    """Say for each task whether training it with others helped, by the scenarios' single tasks."""
    said = []
    for metric in results.judged_metrics:
        twins = {one.b: one for one in planned if one.metric == metric.key and SINGLE in one.why}
        ranked = [twins[one.name] for one in results.ranked(metric) if one.name in twins]
        if ranked:
            said.append(_together(metric, ranked))
    return said


def _together(metric: Metric, twins: Sequence[Comparison]) -> str:
    """Say it of the scenarios of several tasks against their twins, the best first."""
    task, best = metric.task, twins[0]
    if all(one.p is None for one in twins):
        start = f"whether training {task} with other tasks helped cannot be told"
        return f"{start}: {_sentence(best)}"
    if len(twins) == 1:
        what = {"better": "helped", "worse": "did harm", "identical": "changed nothing"}
        start = f"training {task} with other tasks {what.get(best.verdict, 'had no clear effect')}"
        return f"{start}: {_sentence(best)}"
    counts = [sum(one.verdict == verdict for one in twins) for verdict in ("better", "worse")]
    better = {0: "none is", 1: "1 is"}.get(counts[0], f"{counts[0]} are")
    told = (
        f"of {len(twins)} scenarios that train {task} with other tasks {better} better than {task} "
        f"alone in {named(metric)}, {counts[1]} worse, {len(twins) - sum(counts)} without a clear "
        "difference"
    )
    return f"{told}; the best mean of them: {_sentence(best)}"


def named(metric: Metric) -> str:
    """`top 100 seen removed`: a metric's name in words."""
    return metric.name.replace("_", " ")


def _against_rival(one: Standing) -> str:
    best = one.best
    rival = f"the {one.kind} {one.rival}"
    if best.verdict in ("better", "worse"):
        text = f"the best scenario in {named(one.metric)}, {best.b}, is {best.verdict} than {rival}"
        text += f" by {amount(best)}"
    else:
        text = f"against {rival}: {_sentence(best)}"
    if not one.below:
        return text
    if len(one.below) == one.trained:
        count = "its mean is not" if one.trained == 1 else f"none of {one.trained} means is"
        return f"{text}; {count} better"
    verb = "mean is" if len(one.below) == 1 else "means are"
    return f"{text}; {len(one.below)} of {one.trained} {verb} not better: {listed(one.below)}"


def transfer_sentences(deltas: Iterable[DeltaM]) -> list[str]:
    """Say what each scenario gains or loses against single tasks."""
    return [_transfer(delta) for delta in deltas]


def _transfer(delta: DeltaM) -> str:
    start = f"{delta.scenario} against single tasks: Δm"
    seeds = counted(delta.n, "seed")
    if delta.low is None or delta.high is None:
        mean = decimal(delta.mean, abs(delta.mean), "+")
        return f"{start} {mean} % ({seeds}: too few for an interval)"
    scale = (delta.high - delta.low) / 2 or abs(delta.mean)
    mean, ends = decimal(delta.mean, scale, "+"), interval(delta.low, delta.high, scale)
    return f"{start} {mean} % {ends} ({seeds})"


def front_sentences(front: Front) -> list[str]:
    """Say which scenarios are on the front, and how each stands against each sweep."""
    if len(front.objectives) < 2:
        return []
    names = [point.scenario for point in front.points if point.on_front]
    axes = listed([objective.key for objective in front.objectives])
    first = [f"on the Pareto front of {axes}, by means: {listed(names)}"] if names else []
    return [*first, *(_standing(one) for one in front.standings)]


def _standing(one: SweepStanding) -> str:
    start = f"{one.scenario} against the {one.members} points of the sweep of {one.sweep}, by means"
    if one.dominated_by:
        return f"{start}: no better than {listed(one.dominated_by)} in any task, worse in one"
    if len(one.dominates) == one.members:
        return f"{start}: better than all of them in every task"
    some = f"{len(one.dominates)}" if one.dominates else "none"
    return f"{start}: better than {some} of them in every task, and worse than none in every task"


def p_value(one: Comparison) -> str:
    """`p = 0.012`, `p < 0.001`, with the number of tests it was corrected for."""
    p = one.p_adjusted
    if p is None:
        return ""
    text = "p < 0.001" if p < 0.001 else f"p = {math.floor(p * 1000 + 0.5) / 1000:.3f}"
    return text if one.family == 1 else f"{text} corrected for {one.family} comparisons"


def decimal(value: float, scale: float, sign: str = "") -> str:
    """A number with two significant digits of a scale: `0.014` for a scale of 0.006.

    Args:
        value: The number.
        scale: How far it is uncertain; 0 for a number that is not.
        sign: "+" to have one before a number that is not negative.
    """
    places = 3 if not scale else min(max(1 - math.floor(math.log10(scale)), 0), 12)
    text = f"{value:{sign},.{places}f}"
    if not float(text.replace(",", "")):
        text = text.replace("-", "")  # a negative zero
    return text.replace("-", "−")


def _scale(one: Comparison) -> float:
    """Half the width of the interval, or the difference itself where that has none."""
    if one.low is not None and one.high is not None and one.high > one.low:
        return (one.high - one.low) / 2
    return abs(one.mean)


def by(mean: float, scale: float) -> str:
    """`0.010 better`, `0.004 worse`, `0` for a difference whose sign is such that + is better."""
    if not mean:
        return "0"
    return f"{decimal(abs(mean), scale)} {'better' if mean > 0 else 'worse'}"


def interval(low: float, high: float, scale: float) -> str:
    """`[0.012, 0.022]`, with two significant digits of a scale."""
    return f"[{decimal(low, scale)}, {decimal(high, scale)}]"


def listed(names: Sequence[str], most: int = _MOST) -> str:
    """`a, b and c`, of many `a, b, c and 20 more`."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def basis(results: Results) -> str:
    """Say what varied from seed to seed, and so what the intervals are about."""
    runs = results.runs or results.done
    seeds = {run.seed: run.split for run in runs}
    splits = len(set(seeds.values()))
    if len(seeds) < 2:
        return "One seed: what another split or other initial weights would give is not known."
    if splits == 1:
        return (
            "All seeds share one split; initial weights and the order of the batches varied. The "
            "intervals are about this split of this data set with other weights, not about others."
        )
    if splits < len(seeds):
        return (
            f"{len(seeds)} seeds have {splits} splits between them; seeds of one split are "
            "averaged, since they share the luck of its test part. The intervals are about this "
            "data set, divided otherwise, with other weights."
        )
    text = (
        "Each seed has a split, initial weights and an order of batches of its own. The intervals "
        "are about this data set, divided otherwise, with other weights"
    )
    if all((run.scored_share or 1) <= LARGEST_SHARE for run in runs):
        return f"{text}; for other data of the kind the table of comparisons has wider ones."
    return f"{text}, not about other data."
