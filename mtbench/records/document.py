"""The suite that records are of, as its file would say it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from .record import Answer, Identity, Question


def suite_document(
    name: str, question: Question, answers: Mapping[str, Answer], seeds: Iterable[int]
) -> dict[str, Any]:
    """Return what a suite's file says, every option as it was.

    Its runs have the ids of the recorded ones, unless data was put in place of other data.

    Args:
        name: Of the suite.
        question: What all runs answer.
        answers: By scenario, and by baseline, in order; what all scenarios have in common is the
            suite's.
        seeds: Of the runs.
    """
    baselines = {key: one.baseline for key, one in answers.items() if one.baseline}
    scenarios = {key: one for key, one in answers.items() if not one.baseline}
    parts = {key: _parts(answer) for key, answer in (scenarios or answers).items()}
    common = _common(scenarios, parts)
    return {
        "name": name,
        "dataset": _spec(question.dataset),
        "split": _spec(question.split),
        "towers": common["towers"],
        "tasks": common["tasks"],
        "scenarios": {
            name: _scenario(answer, parts[name], common) for name, answer in scenarios.items()
        },
        **({"baselines": {k: _spec(one) for k, one in baselines.items()}} if baselines else {}),
        "train": common["train"],
        **({} if question.train_on == "train" else {"train_on": question.train_on}),
        "evaluate_on": question.evaluate_on,
        "seeds": sorted(set(seeds)),
    }


def _parts(answer: Answer) -> dict[str, Any]:
    """The sections of an answer that a suite has as well."""
    return {
        "towers": {side: _spec(tower) for side, tower in answer.towers.items()},
        "tasks": {task: _spec(identity) for task, identity in answer.tasks.items()},
        "train": dict(answer.train),
    }


def _common(answers: Mapping[str, Answer], parts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What the suite says: what all scenarios have, else what the last has.

    A task that a scenario does not train is there as in the suite. Mappings are merged, so where
    optimizers of groups, or pretraining, differ each scenario says its own.
    """
    common = copy.deepcopy(list(parts.values())[-1])
    for name, answer in answers.items():
        untrained = common["tasks"].keys() - set(answer.trained_tasks)
        common["tasks"] |= {task: parts[name]["tasks"][task] for task in sorted(untrained)}
    train = common["train"]
    if any(each["train"].get("groups") != train.get("groups") for each in parts.values()):
        train["groups"] = {}
    if any(each["train"].get("pretrain") != train.get("pretrain") for each in parts.values()):
        train.pop("pretrain", None)
    return common


def _scenario(answer: Answer, parts: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """What a scenario says: its tasks and weighting, and each section that is not the suite's."""
    tasks = {
        task: parts["tasks"][task] if parts["tasks"][task] != common["tasks"][task] else None
        for task in answer.trained_tasks
    }
    said: dict[str, Any] = {"tasks": tasks if any(tasks.values()) else list(tasks)}
    if answer.weighting:
        said["weighting"] = _spec(answer.weighting)
    if answer.labels:
        said["labels"] = dict(answer.labels)
    return said | {key: parts[key] for key in ("towers", "train") if parts[key] != common[key]}


def _spec(identity: Identity) -> dict[str, Any]:
    return {"name": identity.name, **identity.options}
