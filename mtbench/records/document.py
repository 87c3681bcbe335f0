"""The suite that records are of, as its file would say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .record import Answer, Identity, Question


def suite_document(
    name: str, question: Question, answers: Mapping[str, Answer], seeds: Iterable[int]
) -> dict[str, Any]:
    """Return what a suite's file says, every option as it was.

    Its runs have the ids of the recorded ones, unless data was put in place of other data, or the
    scenarios differ in more than tasks and weighting.

    Args:
        name: Of the suite.
        question: What all runs answer.
        answers: By scenario, in order; towers, tasks and training are those of the last.
        seeds: Of the runs.
    """
    scenarios: dict[str, dict[str, Any]] = {}
    for scenario, answer in answers.items():
        scenarios[scenario] = {"tasks": list(answer.trained_tasks)}
        if answer.weighting:
            scenarios[scenario]["weighting"] = _spec(answer.weighting)
    last = list(answers.values())[-1]
    return {
        "name": name,
        "dataset": _spec(question.dataset),
        "split": _spec(question.split),
        "towers": {side: _spec(tower) for side, tower in last.towers.items()},
        "tasks": {task: _spec(identity) for task, identity in last.tasks.items()},
        "scenarios": scenarios,
        "train": last.train,
        "evaluate_on": question.evaluate_on,
        "seeds": sorted(set(seeds)),
    }


def _spec(identity: Identity) -> dict[str, Any]:
    return {"name": identity.name, **identity.options}
