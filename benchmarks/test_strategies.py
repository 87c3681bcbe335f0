"""What each weighting strategy costs: its step against that of equal weights, in turn; memory."""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mtbench.plugin.registry import installed

SUITES = Path(__file__).parent.parent / "suites"
STRATEGIES = {cls.name: cls for cls, _ in installed() if cls.kind == "weighting"}
LOSS = [name for name, cls in STRATEGIES.items() if cls.needs == "losses" and name != "equal"]
SEVERAL = [name for name, cls in STRATEGIES.items() if cls.needs == "several batches"]
GRADIENT = [n for n, cls in STRATEGIES.items() if cls.needs != "losses" and n not in SEVERAL]
CASES = [
    *((name, {}, 2, "≤ 1.1") for name in LOSS),
    ("famo", {"same_batch": False}, 2, "≤ 1.1"),
    *((name, {}, 2, "≤ 1.3") for name in GRADIENT),
    ("mgda", {"gradients": "outputs"}, 2, "≤ 1.3"),
    # a batch costs what one does, and a step ahead as well: FORUM makes five
    *((name, {}, 2, "≤ 8" if name == "forum" else "≤ 4") for name in SEVERAL),
    ("sdmgrad", {"independent": False}, 2, "≤ 1.3"),
    *((name, {}, 5, "≤ 2.5") for name in GRADIENT),
]


class Steps:
    """Training steps at the ml100k setting: a batch of 8192, embeddings of 32, and some tasks."""

    def __init__(self) -> None:
        from mtbench.data.store import load_data
        from mtbench.suite.reader import load_suite

        registry = installed()
        self.suite = load_suite(SUITES / "ml100k.yaml", registry)
        self.data = load_data(self.suite.dataset, registry.identity(self.suite.dataset))
        order = np.random.default_rng(0).permutation(len(self.data.interactions))
        size = self.suite.train.batch_size
        cuts = [order[start : start + size] for start in range(0, 3 * size, size)]
        self.batches = [self.data.interactions.take(rows).columns for rows in cuts]
        self.equal = {tasks: self.step("equal", {}, tasks) for tasks in (2, 5)}

    def step(self, name, options, tasks):
        """A traced training step."""
        import tensorflow as tf

        from mtbench.suite.suite import Scenario
        from mtbench.train.feed import batches_of
        from mtbench.train.model import MultiTaskModel
        from mtbench.train.trainer import compile_model

        kinds = list(self.suite.tasks.values())
        suite = dataclasses.replace(
            self.suite, tasks={f"task_{i}": kinds[i % 2] for i in range(tasks)}
        )
        scenarios = {"all": Scenario("all", tuple(suite.tasks), STRATEGIES[name](**options))}
        setup = dataclasses.replace(suite, scenarios=scenarios).setup("all")
        model = MultiTaskModel(setup, self.data)
        compile_model(model, setup)
        batches = tuple(
            {name: tf.constant(column) for name, column in columns.items()}
            for columns in self.batches[: batches_of(setup.weighting)]
        )
        fed = batches if len(batches) > 1 else batches[0]
        step = tf.function(lambda: model.train_step(fed))
        step()
        step()
        return step


@pytest.fixture(scope="module")
def steps(data_dir):
    return Steps()


def seconds(step, times=4):
    """Processor time of a step, which others on the machine do not lengthen."""
    started = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - started) / times


@pytest.mark.parametrize(("name", "options", "tasks", "target"), CASES, ids=str)
def test_step(benchmark, report_ratio, steps, name, options, tasks, target):
    """The median of ratios of neighbours, since a machine's speed drifts."""
    own, equal = steps.step(name, options, tasks), steps.equal[tasks]
    ratios = []

    def pair():
        ratios.append(seconds(own) / seconds(equal))

    benchmark.pedantic(pair, rounds=11, warmup_rounds=1)
    words = " ".join([name, *(f"{k}={v}" for k, v in options.items())])
    report_ratio(f"step, {tasks} tasks: {words} / equal", statistics.median(ratios), target)


def test_memory_at_the_shape_of_25m(benchmark, report_ratio):
    """Peak memory of processes that train with tables of 162,000 and 59,000 rows of 64."""

    def peak(name):
        words = [sys.executable, str(Path(__file__).parent / "memory.py"), name]
        return float(subprocess.run(words, check=True, capture_output=True).stdout)

    equal = benchmark.pedantic(peak, ["equal"], rounds=1)
    for name in ("upgrad", "pcgrad"):
        own = peak(name)
        detail = f"{own:,.0f} / {equal:,.0f} MB"
        report_ratio(f"peak memory at 25M's shape: {name} / equal", own / equal, "≤ 1.5", detail)
