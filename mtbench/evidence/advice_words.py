"""Advice in plain words: the answer, what is known of each task, of weightings, and its grounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench.records.differing import shown
from mtbench.records.tuning import Tuning
from mtbench.text import counted

from .advice import Advice, Arm, Read, Reading
from .words import amount, basis, interval, listed, sentences

_MEANS: Mapping[Reading, str] = {
    "better": "together is better",
    "worse": "together is worse",
    "no difference": "no difference that matters",
    "open": "the data does not say",
}


def advice_sentences(advice: Advice) -> list[str]:
    """Say the advice: the answer first; lines that begin with two spaces belong to the one before.

    Args:
        advice: Of `evidence.advice`.
    """
    return [
        _answer(advice),
        *(f"  {line}" for line in _of_tasks(advice.arm, advice)),
        _weighting(advice),
        *(f"  {line}" for line in _of_weightings(advice)),
        *_rests_on(advice),
        f"limits: {_limits(advice)}",
    ]


def _answer(advice: Advice) -> str:
    arm, tasks = advice.arm, listed(advice.tasks)
    about = f", by {advice.main}, the main task" if advice.main else ""
    gains, losses = arm.gains, arm.losses
    if advice.answer in ("together", "partly"):
        yes = "yes" if advice.answer == "together" else f"yes, if {listed(gains)} is what matters"
        gain = f"{listed(gains)} {_verb(gains, 'gain')}{_rest(arm)}"
        return f"{yes}: train {tasks} together{about}, with {arm.name}: {gain}"
    if advice.answer == "apart":
        known = f"together {listed(losses)} {_verb(losses, 'lose')}"
        return (
            f"no, train {tasks} apart{about}: {known}, and no weighting is known to gain anything"
        )
    if advice.answer == "depends":
        return (
            f"it depends on what matters: together with {arm.name} {listed(gains)} "
            f"{_verb(gains, 'gain')} and {listed(losses)} {_verb(losses, 'lose')}; "
            f"`main: {gains[0]}` in the suite lets that one decide, and a model of "
            f"{listed(losses)} alone beside it has both"
        )
    if advice.answer == "no difference":
        within = f"differences are within {advice.margin:g} %"
        return f"{tasks} can be trained together or apart{about}: {within} with {arm.name}"
    return f"the data does not say whether to train {tasks} together{about}"


def _verb(tasks: Sequence[str], verb: str) -> str:
    return f"{verb}s" if len(tasks) == 1 else verb


def _rest(arm: Arm) -> str:
    """What is known of the tasks that are not known to gain."""
    same, unknown = arm.unharmed, arm.unknown
    said = [f"{listed(same)} {_verb(same, 'lose')} nothing that matters"] if same else []
    if unknown:
        said += [f"whether {listed(unknown)} {_verb(unknown, 'lose')} the data does not say"]
    return "".join(f", {each}" for each in said)


def _of_tasks(arm: Arm, advice: Advice) -> Iterator[str]:
    for read in arm.against_alone:
        unsaid = read.reading in ("better", "worse")  # which the evidence says
        means = "" if unsaid else f"{_MEANS[read.reading]}: "
        yield f"{read.task}: {means}{_evidence(read, advice)}"
    for task in arm.lacking:
        yield f"{task}: the data does not say: no run of it alone has results"


def _evidence(read: Read, advice: Advice) -> str:
    if read.reading != "no difference" or read.of.low is None or read.of.high is None:
        return sentences([read.of])[0]
    scale = (read.of.high - read.of.low) / 2
    ends = interval(read.of.low, read.of.high, scale)
    within = f"within {advice.margin:g} % of {read.of.a} in {read.of.metric}"
    return f"{read.of.b} is {within}: {ends}, + is better ({counted(read.of.n, 'seed')})"


def _weighting(advice: Advice) -> str:
    first, *others = advice.arms
    arm, chosen = advice.arm, _chosen(advice)
    start = "weighting, if together" if advice.answer in ("apart", "open") else "weighting"
    if not others:
        return f"{start}: {first.name}{chosen}, the only one that was tried"
    if not advice.weighting_is_settled and arm is first:
        better = "no other is known to be better in one task and worse in none"
        return f"{start}: {arm.name}{chosen}, the simplest: {better}"
    if not advice.weighting_is_settled:
        why = f"by what is known against each alone, not against {first.name}"
        return f"{start}: {arm.name}{chosen}, {why}"
    than = listed([one.name for one in others])
    if arm is not first:
        gains = [read.task for read in arm.against_first if read.reading == "better"]
        than = f"{first.name} in {listed(gains)}"
    return f"{start}: {arm.name}{chosen}, which is better than {than}"


def _chosen(advice: Advice) -> str:
    """The weights of the arm, where they were chosen."""
    tuning = advice.results.measured[advice.arm.name].answer.tuning
    options = tuning.options.items() if tuning else ()
    weights = [
        f"{path.removeprefix('weighting.')} {shown(value)}"
        for path, value in options
        if path.startswith("weighting.")
    ]
    return f" ({', '.join(weights)})" if weights else ""


def _of_weightings(advice: Advice) -> Iterator[str]:
    """What is known of each other arm, with its own answer."""
    for arm in advice.arms:
        if arm is not advice.arm:
            alone = [f"{read.task} {_MEANS[read.reading]}" for read in arm.against_alone]
            yield f"{arm.name} against each alone: {'; '.join(alone) or 'nothing is known'}"
        for read in arm.against_first:
            if read.reading in ("better", "worse"):
                than = f"{read.reading} than {read.of.a} in {read.of.metric}"
                yield f"{arm.name}: {than} by {amount(read.of)}"


def _rests_on(advice: Advice) -> Iterator[str]:
    results = advice.results
    arms = [*results.measured.values()]
    seeds = sorted({seed for arm in arms for seed in arm.runs})
    data = results.newest_of_scenarios.data
    source = data.source if data else results.question.dataset.name
    made_up = ", which is made up" if data and data.synthetic else ""
    yield (
        f"rests on: {counted(len(arms), 'arm')} ({listed([arm.name for arm in arms], 10)}), "
        f"{counted(len(seeds), 'seed')} each, on {source}{made_up}"
    )
    tunings = {arm.name: arm.answer.tuning for arm in arms if arm.answer.tuning}
    yield f"tuned: {_tuned(tunings)}" if tunings else "tuned: nothing; options are as they were"
    if results.failed:
        yield f"failed: {counted(len(results.failed), 'run')}, which count nowhere"


def _tuned(tunings: Mapping[str, Tuning]) -> str:
    one = next(iter(tunings.values()))
    trials = sorted({tuning.trials for tuning in tunings.values()})
    each = f"{trials[0]} to {trials[-1]} trials" if len(trials) > 1 else counted(trials[0], "trial")
    shared = [path for path in one.space if all(path in each.space for each in tunings.values())]
    own = {path for each in tunings.values() for path in each.space} - {*shared}
    metrics = dict.fromkeys(metric for tuning in tunings.values() for metric in tuning.metrics)
    of = listed([*shared, *sorted(own)], 10) or "nothing"
    seeds = f"{'seed' if len(one.seeds) == 1 else 'seeds'} {', '.join(map(str, one.seeds))}"
    return f"{each} for each arm on the validation part of {seeds}, by {listed([*metrics])}: {of}"


def _limits(advice: Advice) -> str:
    family = max((r.of.family for arm in advice.arms for r in arm.against_alone), default=1)
    held = f"verdicts are corrected together for {counted(family, 'comparison')}"
    return f"{basis(advice.results)} They hold for these towers, this space and budget; {held}"


def advice_values(advice: Advice) -> dict[str, Any]:
    """The same as JSON types."""

    def of(read: Read) -> dict[str, Any]:
        keys = ("metric", "a", "b", "n", "mean", "low", "high", "p_adjusted", "detectable")
        values = {key: getattr(read.of, key) for key in keys}
        known = {"task": read.task, "reading": read.reading, "harmless": read.harmless}
        return {**known, **values}

    arms = {
        arm.name: {
            "answer": arm.answer,
            "against_alone": [of(read) for read in arm.against_alone],
            "against_first": [of(read) for read in arm.against_first],
        }
        for arm in advice.arms
    }
    return {
        "answer": advice.answer,
        "weighting": advice.arm.name,
        "weighting_is_settled": advice.weighting_is_settled,
        "tasks": list(advice.tasks),
        "main": advice.main,
        "margin_percent": advice.margin,
        "arms": arms,
        "said": advice_sentences(advice),
    }
