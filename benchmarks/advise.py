"""Is `mtbench advise` right? Over made-up worlds whose truth is measured with many further seeds.

    python benchmarks/advise.py worlds.jsonl --worlds 50    # a line for each world that it lacks
    python benchmarks/advise.py worlds.jsonl --looks        # affinities of these worlds
    python benchmarks/advise.py worlds.jsonl --check 3      # the first, trained by mtbench itself
    python benchmarks/advise.py worlds.jsonl --table        # what they came to

A world is a data set of two behaviours, `view` and `buy`, drawn by its number: how related they
are, how noisy, how few labels of `buy` there are to learn from, how wide the towers are, and
whether the heads are networks or dot products. What `mtbench advise` would run is run, and its
advice taken; then the same arms, with the options that were chosen, with further seeds: their mean
differences are the truth that the advice is held to. Arms, splits, tuning, ids and evidence are
mtbench's; training is that of `at_once.py`, all seeds together, but for the affinities.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from at_once import AUC, scores
from scipy import stats

from mtbench import evidence
from mtbench.data.dataset import Data
from mtbench.plugin.registry import Registry, installed
from mtbench.records.record import RESULTS, Record
from mtbench.records.results import Results
from mtbench.runs.execute import execute, record_of
from mtbench.runs.identity import question_of, run_of
from mtbench.runs.plan import PlannedRun
from mtbench.runs.stages import Stages
from mtbench.suite.advice import advice_suite
from mtbench.suite.reader import load_suite
from mtbench.suite.setup import Setup
from mtbench.suite.suite import Suite
from mtbench.train.rows import own_columns
from mtbench.tune.tuner import Tuner, final

SEEDS, FURTHER = 20, range(100, 120)
"""Seeds of the advice, and those that the truth is measured with."""
TRIALS = 3
CLEAR = 2.0
"""Percent of what a task alone reaches: the advice's margin, and from where a truth is clear."""
LOOKED = range(200, 202)
"""Seeds of the runs whose affinity is looked at."""


def world(number: int) -> dict[str, Any]:
    """The suite of a world."""
    rng = np.random.default_rng(number)
    relatedness = float(rng.choice([1.0, 0.9, 0.5, 0.0, -1.0]))
    spread, rate = float(rng.choice([2.0, 4.0])), float(rng.choice([0.2, 0.4]))
    share = float(rng.choice([0.05, 0.1, 0.3, 1.0]))
    dim, interaction = int(rng.choice([8, 16])), str(rng.choice(["mlp", "dot"]))
    head = {"threshold": 1, "interaction": interaction, "biases": True}
    head |= {"units": [16]} if interaction == "mlp" else {}
    tower = {"name": "embedding", "embedding_dim": dim}
    return {
        "name": f"world-{number}",
        "dataset": {
            "name": "synthetic",
            "num_users": 80,
            "num_items": 60,
            "num_ratings": 4600,
            "latent_dim": 2,
            "behaviours": {
                "view": {"spread": spread, "rate": rate},
                "buy": {"spread": spread, "relatedness": relatedness},
            },
            "seed": number,
        },
        "split": {"name": "random", "test_share": 0.3, "validation_share": 0.2},
        "towers": {"query": tower, "candidate": tower},
        "tasks": {name: {"name": "click", "label": name, **head} for name in ("view", "buy")},
        "scenarios": {
            "joint": {
                "tasks": ["view", "buy"],
                "weighting": "equal",
                "labels": {"buy": {"share": share}},
            },
            "looked": {"extends": "joint", "train": {"affinity_every": 5}},
        },
        "train": {
            "epochs": 10,
            "batch_size": 256,
            "optimizer": {"name": "adam", "learning_rate": 0.03},
        },
        "seeds": SEEDS,
        "executor": "inline",
    }


class Trainer:
    """Makes records of runs whose models are trained many at once.

    Args:
        registry: Where components come from.
        like: A record that mtbench made, for what scores do not decide.
    """

    def __init__(self, registry: Registry, like: Record) -> None:
        self.registry, self._data = registry, dict[int, Data]()
        kept = (*RESULTS, "timings", "started", "environment", "peak_memory_bytes")
        told = like.model_dump(mode="json")
        self._told = {key: told[key] for key in kept if key in told} | {
            "status": "ok",
            "error": None,
        }

    def records(self, setup: Setup, seeds: Sequence[int]) -> list[Record]:
        """Runs of a setup."""
        number = setup.dataset.seed
        if number not in self._data:
            self._data = {number: setup.dataset.load()}
        return self.made(setup, seeds, scores(setup, self._data[number], seeds))

    def made(
        self, setup: Setup, seeds: Sequence[int], found: Mapping[str, Sequence[float]]
    ) -> list[Record]:
        """The records of runs, given the AUC of each seed by task."""
        question = question_of(setup, self.registry)
        records = []
        for n, seed in enumerate(seeds):
            metrics = {task: {AUC: float(values[n])} for task, values in found.items()}
            data = {**self._told["data"], "scored": f"{setup.dataset.seed} {seed}"}
            told = {**self._told, "data": data, "metrics": metrics}
            told["floors"] = {task: {"chance": {AUC: 0.5}} for task in found}
            records.append(record_of(run_of(setup, seed, question, self.registry), told, ()))
        return records

    def again(self, line: dict[str, Any], seeds: int, margin: float) -> dict[str, Any]:
        """A world's line with the advice of its first seeds, and another margin."""
        asked = load_suite(line["suite"], self.registry)
        arms = advice_suite(asked, self.registry, scenario="joint")
        runs = [
            record
            for arm, found in line["values"].items()
            for record in self.made(arms.setup(arm), range(seeds), found)
        ]
        told = evidence.advice_values(evidence.advice(Results.of(runs), margin))
        return {**line, "advice": told}


def measured(number: int, trainer: Trainer) -> dict[str, Any]:
    """What advice says of a world, and what is true of it."""
    registry, started = trainer.registry, time.process_time()
    asked = load_suite(world(number), registry)
    arms = advice_suite(asked, registry, scenario="joint", trials=TRIALS)
    tuner = Tuner(arms, registry, lambda run_id: None)
    records, further = [], []
    for study in tuner.studies:
        tried = [*study.trials(lambda setup, n, seed, enough: trainer.records(setup, [seed])[0])]
        setup = final(study, tried)
        made = trainer.records(setup, [*arms.seeds, *FURTHER])
        records += made[: len(arms.seeds)]
        further += made[len(arms.seeds) :]
    told = evidence.advice_values(evidence.advice(Results.of(records), CLEAR))
    return {
        "world": number,
        "suite": world(number),
        "advice": told,
        "values": _values(records),
        "further": _values(further),
        "cpu_s": round(time.process_time() - started, 1),
    }


class Shared(Stages):
    """Stages that keep every traced model, and train other worlds of its shape with it."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry.identity)
        self._kept: list[tuple[Any, Any]] = []

    def trainer(self, setup: Setup) -> Any:
        """The model of the same towers, tasks, weighting and training."""
        key = (setup.towers, setup.tasks, setup.trained, setup.weighting, setup.train)
        key = (*key, sorted(own_columns(setup)))
        for known, trainer in self._kept:
            if known == key:
                trainer.setup = setup
                return trainer
        self.forget_trainer()
        self._kept.append((key, super().trainer(setup)))
        return self._kept[-1][1]


def looked(number: int, registry: Registry, stages: Stages) -> dict[str, float]:
    """The affinities that mtbench sees while it trains both tasks with equal weights."""
    records = trained(load_suite(world(number), registry), "looked", LOOKED, stages, registry)
    pairs = {"buy": "view>buy", "view": "buy>view"}
    seen = [epoch["affinity"] for record in records for epoch in record.diagnostics]
    return {
        task: float(np.mean([each[pair] for each in seen if pair in each]))
        for task, pair in pairs.items()
    }


def trained(
    suite: Suite, arm: str, seeds: Sequence[int], stages: Stages, registry: Registry
) -> list[Record]:
    """Runs of an arm, by mtbench."""
    setup = suite.setup(arm)
    question = question_of(setup, registry)
    runs = [run_of(setup, seed, question, registry) for seed in seeds]
    return [execute(PlannedRun(run, setup), stages) for run in runs]


def checked(number: int, registry: Registry, stages: Stages) -> None:
    """Print the mean AUC of each arm as mtbench trains it, and as all seeds at once."""
    suite = advice_suite(load_suite(world(number), registry), registry, scenario="joint")
    seeds = range(5)
    for arm in suite.arms:
        mine = _values(trained(suite, arm, seeds, stages, registry))[arm]
        theirs = scores(suite.setup(arm), suite.dataset.load(), seeds)
        for task, values in mine.items():
            told = " and ".join(
                f"{np.mean(v):.3f} ± {np.std(v):.3f}" for v in (values, theirs[task])
            )
            print(f"world {number}, {arm}, {task}: {told}", flush=True)


def _values(records: Sequence[Record]) -> dict[str, dict[str, list[float]]]:
    """By arm and task the AUC of each seed."""
    found: dict[str, dict[str, list[float]]] = {}
    for record in records:
        for task in record.answer.trained_tasks:
            of_task = found.setdefault(record.scenario, {}).setdefault(task, [])
            of_task.append(record.metrics[task][AUC])
    return found


# -- what they came to -----------------------------------------------------------------------------


def effects(line: dict[str, Any]) -> dict[str, dict[str, tuple[float, bool]]]:
    """By arm and task the true effect of training together, in percent, and whether it is clear.

    It is the mean over the further seeds, and clear where its 95 % interval is without 0 and it is
    at least `CLEAR` percent of what the task alone reaches.
    """
    values = line["further"]
    found: dict[str, dict[str, tuple[float, bool]]] = {}
    for arm in (name for name in values if not name.endswith("-alone")):
        for task, each in values[arm].items():
            alone = np.array(values[f"{task}-alone"][task])
            gains = 100 * (np.array(each) - alone) / alone.mean()
            half = stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
            mean = float(gains.mean())
            found.setdefault(arm, {})[task] = mean, abs(mean) > max(half, CLEAR)
    return found


def truth(of: dict[str, tuple[float, bool]]) -> str:
    """What is true of an arm, by its clear effects."""
    signs = {effect > 0 for effect, clear in of.values() if clear}
    return {(): "none", (False,): "apart", (True,): "together"}.get((*signs,), "depends")


def claims(line: dict[str, Any]) -> bool:
    """Whether all that the advice says of its arm is true: gains, losses, and what is harmless."""
    advice, true = line["advice"], effects(line)[line["advice"]["weighting"]]
    for read in advice["arms"][advice["weighting"]]["against_alone"]:
        effect = true[read["task"]][0]
        holds = {
            "better": effect > 0,
            "worse": effect < 0,
            "no difference": abs(effect) < advice["margin_percent"],
        }
        if not holds.get(read["reading"], True):
            return False
        if read["harmless"] and effect < -advice["margin_percent"]:
            return False
    return True


def judged(line: dict[str, Any]) -> tuple[str, str]:
    """The truth of a world, and what the advice is: right, partly right, wrong, or it abstains.

    True of a world is what is true of its best arm: together, else no clear effect (none), else it
    depends, else apart. Advice is wrong where anything it says of its arm is not true, and where it
    says apart while an arm is truly better together. It is right where it is not wrong and its
    answer is the truth of its arm, partly right where it says less, or more, than that: that a
    task gains and it is not known whether the other loses, or a loss that is true but not clear.
    """
    arms = effects(line)
    order = ("together", "none", "depends", "apart")
    best = min((truth(of) for of in arms.values()), key=order.index)
    answer, arm = line["advice"]["answer"], line["advice"]["weighting"]
    if not claims(line) or (answer == "apart" and best == "together"):
        return best, "wrong"
    if answer == "open":
        return best, "abstains"
    same = truth(arms[arm]) == answer.replace("no difference", "none")
    return best, "right" if same else "partly"


def spearman(lines: Sequence[dict[str, Any]], tasks: Sequence[str]) -> tuple[float, float, float]:
    """Rank correlation of affinity and gain, with its bootstrap interval over worlds."""

    def gain(line: dict[str, Any], task: str) -> float:
        values = line["further"]
        alone = np.mean(values[f"{task}-alone"][task])
        return float(np.mean(values["constant"][task]) / alone - 1)

    points = np.array([[(w["affinity"][t], gain(w, t)) for t in tasks] for w in lines])
    rng = np.random.default_rng(0)

    def rank(rows: np.ndarray) -> float:
        return float(stats.spearmanr(rows[..., 0].ravel(), rows[..., 1].ravel()).statistic)

    size = len(points)
    drawn = [rank(points[rng.integers(0, size, size)]) for _ in range(5000)]
    return (rank(points), *map(float, np.percentile(drawn, [2.5, 97.5])))


def table(lines: Sequence[dict[str, Any]]) -> None:
    """Print what the worlds came to."""
    found = [judged(line) for line in lines]
    kinds = ("right", "partly", "wrong", "abstains")
    print(f"{'truth':<10} worlds  {'  '.join(kinds)}")
    for name in ("together", "depends", "apart", "none"):
        row = [kind for best, kind in found if best == name]
        print(f"{name:<10} {len(row):>6}  {'  '.join(f'{row.count(k):>{len(k)}}' for k in kinds)}")
    clear = [kind for best, kind in found if best != "none"]
    wrong = [kind for _, kind in found].count("wrong")
    told = (
        f"right in {clear.count('right')}, partly in {clear.count('partly')} of {len(clear)} clear"
    )
    print(f"wrong in {wrong} of {len(lines)}; {told}")
    if not all("affinity" in line for line in lines):
        return
    for tasks in (["buy"], ["view"], ["view", "buy"]):
        middle, low, high = spearman(lines, tasks)
        print(f"affinity and gain of {' and '.join(tasks)}: {middle:.2f} [{low:.2f}, {high:.2f}]")


def main() -> None:
    """Measure the worlds that a file lacks, or print its table."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("file", type=Path)
    parser.add_argument("--worlds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--looks", action="store_true")
    parser.add_argument("--check", type=int, default=0)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of --table, at most those run")
    parser.add_argument("--margin", type=float, default=CLEAR, help="of --table, in percent")
    given = parser.parse_args()
    looks = given.file.with_suffix(".looks.jsonl")
    lines = {line["world"]: line for line in _lines(given.file)}
    seen = {line["world"]: line for line in _lines(looks)}
    numbers = range(given.first, given.first + given.worlds)
    registry = installed()
    stages = Shared(registry)
    if given.table:
        found = [{**line, **seen.get(number, {})} for number, line in lines.items()]
        if (given.seeds, given.margin) != (SEEDS, CLEAR):
            trainer = Trainer(registry, _like(registry, stages))
            found = [trainer.again(line, given.seeds, given.margin) for line in found]
        table(found)
    elif given.check:
        for number in numbers[: given.check]:
            checked(number, registry, stages)
    elif given.looks:
        for number in sorted({*numbers} - {*seen}):
            _add(looks, {"world": number, "affinity": looked(number, registry, stages)})
    else:
        trainer = Trainer(registry, _like(registry, stages))
        for number in sorted({*numbers} - {*lines}):
            line = measured(number, trainer)
            _add(given.file, line)
            print(number, line["cpu_s"], *judged(line), line["advice"]["answer"], flush=True)


def _like(registry: Registry, stages: Stages) -> Record:
    """A record that mtbench made."""
    return trained(load_suite(world(0), registry), "joint", [0], stages, registry)[0]


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _add(file: Path, line: dict[str, Any]) -> None:
    with file.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
