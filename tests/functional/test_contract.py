"""What holds for every registered component, built-in or not."""

import dataclasses
import math

import pytest

from mtbench.evaluation import evaluate
from mtbench.registry import installed
from mtbench.testing import check_component
from mtbench.training import Trainer

COMPONENTS = [cls for cls, _ in installed()]
TOWERS = [cls for cls in COMPONENTS if cls.kind == "tower"]
TASKS = [cls for cls in COMPONENTS if cls.kind == "task"]
WEIGHTINGS = {cls.name: cls for cls in COMPONENTS if cls.kind == "weighting"}


@pytest.mark.parametrize("cls", COMPONENTS, ids=lambda cls: f"{cls.kind}-{cls.name}")
def test_contract(cls):
    check_component(cls)


@pytest.mark.parametrize("tower", TOWERS, ids=lambda cls: cls.name)
@pytest.mark.parametrize("weighting", ["equal", "uncertainty", "mgda", "pcgrad"])
def test_trains_and_evaluates(make_suite, tiny_data, tower, weighting):
    """Every task by itself and all of them, with every tower and each form of strategy."""
    suite = make_suite("train.epochs=1")
    suite = dataclasses.replace(
        suite,
        towers={"query": tower(), "candidate": tower()},
        tasks={cls.name: cls() for cls in TASKS},
    )
    rows = suite.split.build(tiny_data, 0)[:2]
    train, test = (tiny_data.interactions.take(part) for part in rows)
    for tasks in (*((task,) for task in suite.tasks), tuple(suite.tasks)):
        scenario = dataclasses.replace(
            suite.scenarios["joint"], tasks=tasks, weighting=WEIGHTINGS[weighting]()
        )
        trained = Trainer(suite, scenario, tiny_data).train(0, train)
        for task, found in evaluate(trained.model, train, test).metrics.items():
            assert list(found) == [metric.name for metric in suite.tasks[task].metrics()]
            assert all(math.isfinite(value) for value in found.values())
