"""Evidence in plain words, one sentence each; names are as they are, to be escaped by a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from .changes import MIN_PAIRS
from .comparison import Comparison
from .front import Front, Standing
from .multitask import DeltaM
from .shortfalls import Shortfall

_MOST = 5
"""Names in a sentence about several scenarios."""


def sentences(comparisons: Iterable[Comparison]) -> list[str]:
    """Say what each comparison shows, or that it shows nothing."""
    return [_sentence(one) for one in comparisons]


def _sentence(one: Comparison) -> str:
    if one.verdict == "identical":
        return (
            f"{one.b} and {one.a} are identical in {one.metric}: equal in each of {_counted(one)}"
        )
    if one.low is None or one.high is None or one.p_adjusted is None:
        return (
            f"too few {one.over} to compare {one.b} with {one.a} in {one.metric}: {_counted(one)}, "
            f"and fewer than {MIN_PAIRS} do not show how much a difference varies by chance"
        )
    count = f"{one.n} {one.over}"
    if one.verdict == "no evidence of a difference":
        return _nothing_found(one, count)
    sign = 1 if one.verdict == "better" else -1
    by = decimal(abs(one.mean), _scale(one))
    start = f"{one.b} is {one.verdict} than {one.a} in {one.metric} by {by}"
    if not one.sd:
        return f"{start} in each of {count} alike ({p_value(one)}; it varies by nothing at all)"
    low, high = sorted((sign * one.low, sign * one.high))
    return f"{start} {_interval(low, high, _scale(one))} ({count}, {p_value(one)})"


def _counted(one: Comparison) -> str:
    """`1 seed`, `943 users`."""
    return f"{one.n} {one.over.removesuffix('s') if one.n == 1 else one.over}"


def _nothing_found(one: Comparison, count: str) -> str:
    start = f"no evidence of a difference between {one.b} and {one.a} in {one.metric}"
    scale = _scale(one)
    mean = f"{decimal(one.mean, scale, '+')} {_interval(one.low or 0, one.high or 0, scale)}"
    text = f"{start}: {mean} ({count}, {p_value(one)})"
    if one.detectable is None:
        return text
    found = decimal(one.detectable, scale)
    return (
        f"{text}; a difference of {found} would have been found four times in five at this spread"
    )


def shortfall_sentences(found: Iterable[Shortfall]) -> list[str]:
    """Say which scenarios are below the strongest baseline."""
    return [
        _shortfall(one, names, what)
        for one in found
        for names, what in ((one.below, "below"), (one.not_above, "not above"))
        if names
    ]


def _shortfall(one: Shortfall, names: Sequence[str], what: str) -> str:
    task, _, metric = one.metric.partition("/")
    count = f"{len(names)} of {one.trained} scenarios that train {task}"
    if one.trained == 1:
        count = f"the only scenario that trains {task}"
    verb = "is" if len(names) == 1 else "are"
    start = f"{count} {verb} {what} the baseline {one.baseline} in {metric}"
    shown = [*names[: _MOST - 1], f"{len(names) - _MOST + 1} more"] if len(names) > _MOST else names
    return f"{start}: {_listed(shown)}"


def transfer_sentences(deltas: Iterable[DeltaM]) -> list[str]:
    """Say what each scenario gains or loses against single tasks."""
    return [_transfer(delta) for delta in deltas]


def _transfer(delta: DeltaM) -> str:
    start = f"{delta.scenario} against single tasks: Δm"
    seeds = f"{delta.n} seed{'' if delta.n == 1 else 's'}"
    if delta.low is None or delta.high is None:
        mean = decimal(delta.mean, abs(delta.mean), "+")
        return f"{start} {mean} % ({seeds}: too few for an interval)"
    scale = (delta.high - delta.low) / 2 or abs(delta.mean)
    mean, interval = decimal(delta.mean, scale, "+"), _interval(delta.low, delta.high, scale)
    text = f"{start} {mean} % {interval} ({seeds})"
    if delta.negative_transfer:
        text += f"; negative transfer to {_listed(delta.negative_transfer)}"
    return text


def front_sentences(front: Front) -> list[str]:
    """Say which scenarios are on the front, and how each stands against each sweep."""
    if len(front.objectives) < 2:
        return []
    names = [point.scenario for point in front.points if point.on_front]
    axes = _listed([objective.key for objective in front.objectives])
    first = f"on the Pareto front of {axes}, by means: {_listed(names)}"
    return [first, *(_standing(one) for one in front.standings)]


def hypervolume_sentence(front: Front) -> str | None:
    """Say what all scenarios, and each sweep alone, dominate; None where floors are missing."""
    if front.hypervolume is None or len(front.objectives) < 2:
        return None
    axes = " × ".join(objective.key for objective in front.objectives)
    volumes = [f"{front.hypervolume:.3g} of all scenarios"] + [
        f"{sweep.hypervolume:.3g} of the sweep of {sweep.name} alone, in the tasks it trains"
        for sweep in front.sweeps
        if sweep.hypervolume is not None
    ]
    return f"hypervolume beyond the strongest floors, {axes}: {_listed(volumes)}"


def _standing(one: Standing) -> str:
    start = f"{one.scenario} against the {one.members} points of the sweep of {one.sweep}, by means"
    if one.dominated_by:
        return f"{start}: no better than {_listed(one.dominated_by)} in any task, worse in one"
    if len(one.dominates) == one.members:
        return f"{start}: dominates all of them"
    some = f"dominates {len(one.dominates)} of them" if one.dominates else "dominates none of them"
    gain = f"; it adds {one.gain:.3g} to their hypervolume" if one.gain else ""
    return f"{start}: {some}, and none dominates it{gain}"


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
    text = f"{value:{sign}.{places}f}"
    if not float(text):
        text = text.replace("-", "")  # a negative zero
    return text.replace("-", "−")


def _scale(one: Comparison) -> float:
    """Half the width of the interval, or the difference itself where that has none."""
    if one.low is not None and one.high is not None and one.high > one.low:
        return (one.high - one.low) / 2
    return abs(one.mean)


def _interval(low: float, high: float, scale: float) -> str:
    return f"[{decimal(low, scale)}, {decimal(high, scale)}]"


def _listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
