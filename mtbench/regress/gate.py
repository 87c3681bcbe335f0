"""Keeping regressions out: the current results against a baseline, within limits.

What becomes of a limit:

- `breach`: the results show that the change for the worse is beyond it.
- `ok`: they show that it is not.
- `cannot tell`: they show neither, and the change as seen is beyond the limit by more than the
  baseline itself varies. It does not pass: noise that hides a breach is no pass.
- `inconclusive`: they show neither, and what was seen is within that. It lets pass, unless the
  limits are `strict`: then a gate asks for proof, as a test of non-inferiority does.

**Metrics** of trained tasks, by non-inferiority with a margin: ok where the interval of the mean
loss (paired by seed where seeds agree) ends below the margin, a breach where a one-sided t test,
corrected by Holm over all metrics and scenarios of the gate, says that the loss is above it. So an
unchanged program has a breach by a test in at most (1 − confidence) / 2 of all gates, however much
they check, and with a margin above 0 hardly ever.

**Step time and memory**, by their ratio to the baseline: ok where the distribution-free interval of
`changes.ratio` ends below the limit, a breach where it begins above it. With too few runs for one,
all that was seen has to be within the limit for an ok, or beyond its square for a breach. A step is
timed in units of a reference workload that takes turns with the steps (`train/pace.py`), so that
another load on the machine, or another machine, cancels out as far as it can. Memory is checked
where a limit names it, and not otherwise: the peak of a process holds what the runs before have
left in it, so that a scenario alone, or in another order, has another peak with the same code.

Fewer than three seeds support no test, nor do losses that are equal in all seeds. There the means
decide: a breach is a mean loss beyond the limit plus the standard deviation of the baseline's
seeds, ten of them where the seeds are others (of a single seed, beyond the limit), ok one within
the limit. Metrics that are equal in every run are ok. A run that fails, or a scenario that is gone,
is a breach. A program that gives the same bits for the same seeds is never held up by chance; one
that does not, or runs of other seeds, are by a breach of a few seeds, or by "cannot tell", in some
of a hundred gates, and with one other seed in every second: give a margin, and the same seeds.

Source: Piaggio et al., Reporting of noninferiority and equivalence randomized trials: extension of
the CONSORT 2010 statement, 2012, fig. 1.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from mtbench.evidence.changes import Change, Ratio, change, ratio, seeds_text
from mtbench.evidence.formulas import holm
from mtbench.evidence.words import decimal
from mtbench.records.series import Measured, Series, load
from mtbench.text import counted

from .differences import require_comparable, told_changes
from .limits import SLOWDOWN, Limits, load_limits, metrics_of
from .outcome import Check, Outcome, State


def gate(
    baseline: Path,
    current: Path,
    *,
    limits: Path | None = None,
    options: Sequence[str] = (),
    anyway: bool = False,
    strict: bool = False,
) -> Outcome:
    """Hold a folder of results to a baseline.

    Args:
        baseline: The folder that is compared with.
        current: The folder that is to pass.
        limits: A YAML file of `Limits`.
        options: Further limits; see `load_limits`.
        anyway: Compare different data and protocols too.
        strict: As in `Limits`, whatever the file says.

    Raises:
        SuiteError: The limits have faults.
        RecordError: A folder has no results, or they are of different data or protocol.
    """
    loaded = load_limits(limits, options, {"strict": True} if strict else {})
    a, b = load(baseline), load(current)
    marks = require_comparable(a, b, anyway)
    loaded.require_known(a.higher_is_better | b.higher_is_better)
    return check(a, b, loaded.limits, marks)


def check(a: Measured, b: Measured, limits: Limits, marks: Sequence[str] = ()) -> Outcome:
    """Hold results to a baseline.

    Args:
        a: The baseline.
        b: The current results.
        limits: What is checked; where they name nothing, every headline metric (margin 0) and step
            time (`SLOWDOWN`) are.
        marks: What every line has to say of the two.
    """
    if not limits.named:
        limits = _defaults(a, limits)
    checks = [
        *_runs(a, b),
        *_metrics(a, b, limits),
        *_ratios(a, b, "step_time", limits.max_slowdown),
        *_ratios(a, b, "memory", limits.max_memory_growth),
    ]
    notes = [f"left out: {line}" for side in (a, b) for line in side.problems]
    notes += [note for side in (a, b) for note in side.notes]
    notes += told_changes(a, b)
    notes += [f"only in {b.name}: {name}" for name in b.series if name not in a.series]
    return Outcome(
        tuple(checks), limits.strict, "".join(f" {mark}" for mark in marks), tuple(notes)
    )


def _defaults(a: Measured, limits: Limits) -> Limits:
    margins: dict[bool, dict[str, float]] = {True: {}, False: {}}
    for key in a.headline:
        margins[a.higher_is_better[key]][key] = 0.0
    return limits.model_copy(
        update={
            "max_increase": margins[False],
            "max_decrease": margins[True],
            "max_slowdown": SLOWDOWN,
        }
    )


def _runs(a: Measured, b: Measured) -> Iterator[Check]:
    """A scenario that is gone and a run that fails pass for no success."""
    for name, series in a.series.items():
        if not _good(series):
            continue
        if name not in b.series or not _good(b.series[name]):
            yield Check(name, "runs", "breach", f"{b.name} has no run of it that went well")
        elif failed := b.series[name].failed:
            seed, error = next(iter(failed.items()))
            text = f"{len(failed)} failed, such as seed {seed}: {error}"
            yield Check(name, "runs", "breach", text)


def _good(series: Series) -> bool:
    return bool(series.metrics)


def _both(a: Measured, b: Measured) -> Iterator[tuple[str, Series, Series]]:
    """The scenarios that have results on both sides."""
    for name, series in a.series.items():
        if name in b.series and _good(series) and _good(b.series[name]):
            yield name, series, b.series[name]


def _metrics(a: Measured, b: Measured, limits: Limits) -> list[Check]:
    """Check every limited metric of every scenario, as one family."""
    margins: dict[str, float] = {}
    higher = a.higher_is_better | b.higher_is_better
    for name, margin in (*limits.max_increase.items(), *limits.max_decrease.items()):
        for key in metrics_of(name, higher):
            exact = name.replace("-", "_") == key.replace("-", "_")
            if exact or key not in margins:  # `task/metric` goes before `metric`
                margins[key] = margin
    losses: list[tuple[str, str, Change | None, float]] = []
    for name, left, right in _both(a, b):
        for key in margins:
            if not (left.trains(key) or right.trains(key)):
                continue
            if key in left.metrics and key in right.metrics:
                loss = change(left.metrics[key], right.metrics[key])
                loss = loss.negated() if higher[key] else loss
                losses.append((name, key, loss, _spread(left.metrics[key].values())))
            else:
                losses.append((name, key, None, 0.0))
    p_values = [
        None if loss is None or loss.identical else loss.p_above(margins[key])
        for _, key, loss, _ in losses
    ]
    adjusted = iter(holm([p for p in p_values if p is not None]))
    corrected = [None if p is None else next(adjusted) for p in p_values]
    return [
        _metric((name, key), loss, p, (margins[key], spread), limits.confidence)
        for (name, key, loss, spread), p in zip(losses, corrected, strict=True)
    ]


def _spread(values: Collection[float]) -> float:
    """Standard deviation of the baseline's seeds; 0 of a single one, which tells none."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _metric(
    what: tuple[str, str],
    loss: Change | None,
    p: float | None,
    bounds: tuple[float, float],
    confidence: float,
) -> Check:
    """Judge the loss in a metric, + for worse.

    Args:
        what: Scenario and `task/metric`.
        loss: None where one side has no such metric.
        p: Of a loss up to the limit, corrected; None where nothing can be tested.
        bounds: The limit, and the spread of the baseline's seeds.
        confidence: Of the interval.
    """
    (name, key), (margin, spread) = what, bounds
    if loss is None:
        return Check(name, key, "inconclusive", "is not in both results")
    if loss.identical:
        return Check(name, key, "ok", "equal in every run")
    allowed = spread if loss.paired else 10 * spread
    beyond = loss.mean > margin + allowed + loss.rounding
    ends = loss.interval(confidence)
    scale = (ends[1] - ends[0]) / 2 if ends and ends[1] > ends[0] else abs(loss.mean)
    word = "worse" if loss.mean > 0 else "better"
    text = f"{word} by {decimal(abs(loss.mean), scale)}"
    how = f"{seeds_text(loss.n_a, loss.n_b)}, {'paired' if loss.paired else 'not paired'}"
    limit = f"limit {margin:g}"
    if ends is None or p is None:
        why = "equal in all seeds" if loss.df else "too few seeds for a test"
        state: State = "breach" if beyond else "inconclusive"
        if loss.mean <= margin + loss.rounding:
            state = "ok"
        more = f" + {decimal(allowed, allowed)} for the baseline's spread" if spread else ""
        return Check(name, key, state, f"{text}, {limit}{more}: by the means, {why} ({how})")
    state = "inconclusive"
    if p <= (1 - confidence) / 2:
        state = "breach"
    elif ends[1] <= margin + loss.rounding:
        state = "ok"
    elif beyond:
        state = "cannot tell"
    if ends[1] > ends[0]:
        low, high = ends if loss.mean > 0 else (-ends[1], -ends[0])
        text += f" [{decimal(low, scale)}, {decimal(high, scale)}]"
    return Check(name, key, state, f"{text}, {limit} ({how}, p = {p:.3g})")


_RATIOS = {
    "step_time": ("step time", "a step takes", "the records lack a reference time"),
    "memory": ("peak memory", "takes", "the records lack the peak memory"),
}


def _ratios(a: Measured, b: Measured, field: str, limit: float | None) -> Iterator[Check]:
    """Check a ratio in every scenario."""
    if limit is None:
        return
    what, verb, lacking = _RATIOS[field]
    for name, left, right in _both(a, b):
        if field == "step_time" and left.answer.baseline:
            continue  # nothing takes steps
        values: list[Mapping[int, float]] = [getattr(left, field), getattr(right, field)]
        if not all(values):
            yield Check(name, what, "inconclusive", lacking)
            continue
        if field == "step_time" and left.workers != right.workers:
            beside = f"{counted(left.workers, 'worker')} on the machine before, {right.workers} now"
            yield Check(name, what, "inconclusive", f"timed side by side: {beside}")
            continue
        change = ratio(list(values[0].values()), list(values[1].values()))
        state, reason = _judge(change, limit)
        text = (
            f"{verb} × {change.median:.2f} ({change.smallest:.2f}–{change.largest:.2f}), "
            f"limit × {limit:g}{reason} ({seeds_text(change.n_a, change.n_b)})"
        )
        yield Check(name, what, state, text)


def _judge(found: Ratio, limit: float) -> tuple[State, str]:
    """Judge a ratio; noise as large as the limit does not explain what is beyond its square."""
    if found.low is None or found.high is None:
        why = ": as seen, too few seeds for an interval"
        if found.smallest > limit**2:
            return "breach", why
        return ("ok" if found.largest <= limit else "inconclusive"), why
    if found.low > limit:
        return "breach", ""
    if found.high <= limit:
        return "ok", ""
    return ("cannot tell" if found.median > limit**2 else "inconclusive"), ": too much noise"
