"""Made-up records, of the form of real ones, and interactions; runs of a suite.

`record` is the one place that writes down the form of a record.
"""

import json

import numpy as np
import pytest

from mtbench.data.interactions import Interactions
from mtbench.plugin.registry import installed
from mtbench.records import store as records
from mtbench.records.record import RESULTS, SCHEMA_VERSION, Record
from mtbench.runs.observers import Observers
from mtbench.runs.plan import make_plan
from mtbench.suite.reader import load_suite
from mtbench.workers.agenda import Agenda, Wanted
from mtbench.workers.driver import Driver

HEX = "0123456789abcdef" * 4
BOTH = ("ranking", "retrieval")
FEW_PACKAGES = {"mtbench": "0.1.0", "tensorflow": "2.21.0", "threads": 2}
"""An engine of fewer packages than a real one, for texts that name them all."""
AT_ONCE = ("import_s", "data_s", "run_s", "cpu_s")
"""Timings that a run has which fails at once."""


def origin(plugin, sha256=HEX):
    return {"plugin": plugin, "distribution": "mtbench", "version": "0.1.0", "sha256": sha256}


def identity(plugin, name, **options):
    return {"name": name, "options": options, "origin": origin(plugin)}


def metric(name, higher=True, headline=True):
    """What a record tells of a metric."""
    return {"name": name, "higher_is_better": higher, "headline": headline}


TASKS = {
    "ranking": identity("task_ranking", "ranking", units=[64, 32]),
    "retrieval": identity("task_retrieval", "retrieval", temperature=1.0),
}


def _question():
    return {
        "dataset": identity("dataset_movies", "movies", size="100k"),
        "content": None,
        "stands_in_for": None,
        "split": identity("split_random", "random", test_share=0.2),
        "tasks": {
            name: {key: task[key] for key in ("name", "options")} for name, task in TASKS.items()
        },
        "evaluate_on": "test",
        "engine": {
            "mtbench": "0.1.0",
            "tensorflow": "2.21.0",
            "tf-keras": "2.21.0",
            "tensorflow-recommenders": "0.7.7",
            "numpy": "2.0.0",
            "threads": 2,
        },
    }


def _answer(tasks):
    fixed = identity("weighting_fixed", "fixed", weights={"retrieval": 10.0})
    return {
        "towers": {
            side: identity("tower_embedding", "embedding", embedding_dim=32)
            for side in ("query", "candidate")
        },
        "tasks": TASKS,
        "trained_tasks": list(tasks),
        "weighting": fixed if len(tasks) > 1 else None,
        "train": {
            "epochs": 3,
            "batch_size": 64,
            "optimizer": {"name": "adam", "learning_rate": 0.01},
        },
    }


def _timings(pace):
    return {
        "import_s": 2.0,
        "data_s": 0.5,
        "build_s": 0.25,
        "trace_s": 1.0,
        "train_s": 3.0,
        "validate_s": 0.0,
        "train_examples_per_s": 1000.0,
        "step_s": pace and pace / 1000,
        "reference_s": pace and 1 / 1000,
        "step_per_reference": pace,
        "evaluate_s": 0.125,
        "evaluate_examples_per_s": 500.0,
        "run_s": 2.0,
        "cpu_s": 3.0,
        "step_cpu_s": pace and pace / 500,
    }


def _results(rmse, top):
    """What comes of a run that goes well: the keys of `RESULTS`."""
    return {
        "curve": [],
        "data": {
            "source": "movies",
            "synthetic": False,
            "fingerprint": HEX,
            "num_queries": 10,
            "num_candidates": 20,
            "train": 80,
            "validation": 0,
            "test": 20,
            "notes": [],
            "slices": {},
            "oddities": None,
        },
        "diagnostics": [],
        "epoch": 3,
        "floors": {"ranking": {}, "retrieval": {}},
        "metric_info": {
            "ranking": [metric("rmse", higher=False), metric("mae", higher=False, headline=False)],
            "retrieval": [metric("top_5")],
        },
        "metrics": {"ranking": {"rmse": rmse, "mae": rmse * 0.8}, "retrieval": {"top_5": top}},
        "parameters": 1234,
        "validation": [],
    }


def record(
    scenario, seed, rmse=1.0, top=0.5, *, tasks=BOTH, pace=1.0, memory=1e9, status="ok", **changes
):
    """The record of a run that went well, or with `status="failed"` of one that did not.

    Args:
        tasks: Those that were trained; several have a weighting.
        pace: Time of a step in that of the reference workload; None for a run too short to tell.
        changes: As for `changed`.
    """
    made = {
        "schema_version": SCHEMA_VERSION,
        "run_id": f"{scenario}-{seed}".replace("/", "_"),
        "question_id": "q1",
        "suite": "made",
        "scenario": scenario,
        "seed": seed,
        "status": "ok",
        "error": None,
        "started": f"2026-01-01T00:00:00.{seed:06d}",
        "arms": [],
        "question": _question(),
        "answer": _answer(tasks),
        "environment": {
            "platform": "Linux",
            "python": "3.11.0",
            "cpu": "a CPU",
            "devices": [],
            "onednn": "default",
            "xla_flags": "",
            "place": {"executor": "inline", "node": "here", "workers_on_node": 1},
        },
        "timings": _timings(pace),
        "peak_memory_bytes": int(memory),
        "files": {},
        **_results(rmse, top),
    }
    if status == "failed":
        made = _failed(made)
    return Record.of(put(made, **changes))


def baseline(key, seed, tasks=("retrieval",), rmse=1.0, top=0.5, *, name="ease", **changes):
    """The record of a run of a baseline that went well.

    Args:
        key: Of the baseline in its suite.
        tasks: Those that it serves.
        name: Of the component.
        changes: As for `changed`; `options` are the component's.
    """
    options = changes.pop("options", {"l2": 500.0})
    status = changes.pop("status", "ok")
    timed = ("train_s", "evaluate_s", "run_s")
    made = record(key, seed, rmse, top, tasks=tasks).plain()
    made["answer"] |= {
        "towers": {},
        "weighting": None,
        "train": {},
        "baseline": identity(f"baseline_{name}", name, **options),
    }
    made |= {
        "curve": [],
        "parameters": None,
        "timings": dict.fromkeys(AT_ONCE, 0.5) | {k: made["timings"][k] for k in timed},
        "metrics": {task: made["metrics"][task] for task in tasks},
        "metric_info": {task: made["metric_info"][task] for task in tasks},
    }
    made = _failed(made) if status == "failed" else made
    return Record.of(put(made, **changes))


def changed(made, **changes):
    """A copy of a record with other values.

    Args:
        made: The record.
        changes: Keys of the record; `a__b=…` for the key b of its value a. A time that is cut
            short, such as `started="2025"`, is that of its beginning.
    """
    return Record.of(put(made.plain(), **changes))


def repeated(made, seed, **metrics):
    """The same run with another seed and other metrics by task, unchecked: where there are many."""
    started = f"2026-01-01T00:00:00.{seed:06d}"
    run_id = f"{made.scenario}-{seed}".replace("/", "_")
    return made.model_copy(
        update={"seed": seed, "run_id": run_id, "started": started, "metrics": metrics}
    )


def as_json(record):
    """What the file of a record says."""
    return json.loads(json.dumps(record.plain()))


def put(value, **changes):
    """Nested mappings with other values, as for `changed`; what is not changed is shared."""
    value = {**value}
    for key, new in changes.items():
        *path, last = key.split("__")
        node = value
        for part in path:
            node[part] = {**node[part]}
            node = node[part]
        node[last] = new
    if "started" in changes:
        value["started"] += "0000-01-01T00:00:00"[len(value["started"]) :]
    return value


def failed(made, message="on\npurpose", kind="ValueError", keep=()):
    """The record of the same run when it fails.

    Args:
        made: The record of one that went well.
        message: Of the error.
        kind: Type of the error.
        keep: Which of `RESULTS` there were by then.
    """
    return Record.of(_failed(made.plain(), message, kind, keep))


def _failed(made, message="on\npurpose", kind="ValueError", keep=()):
    trace = ["Traceback (most recent call last):", *f"{kind}: {message}".splitlines()]
    return {
        **{key: value for key, value in made.items() if key not in RESULTS - {*keep}},
        "status": "failed",
        "error": {"type": kind, "message": message, "traceback": trace},
        "timings": {key: made["timings"][key] for key in AT_ONCE if key in made["timings"]},
    }


def write(folder, made):
    """Store records in a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in made:
        records.write(folder, each)
    return folder


TYPES = {"user_rating": np.float32, "timestamp": np.int64, "w": np.float32}


def some(every, *few):
    """Parameters of which the default run has a few, `pytest -m thorough` the others."""
    slow = pytest.mark.thorough
    return [one if one in few else pytest.param(one, marks=slow) for one in every]


def interactions(query, candidate, num_queries, num_candidates, **columns):
    """Interactions of these columns, each with the type that real ones have."""
    columns = {"query": query, "candidate": candidate, **columns}
    typed = {name: np.array(column, TYPES.get(name, np.int32)) for name, column in columns.items()}
    return Interactions(typed, num_queries, num_candidates)


def of_pairs(pairs, num_queries=4, num_candidates=5):
    """Interactions of rows `(query, candidate)`."""
    query, candidate = np.array(pairs).reshape(-1, 2).T
    return interactions(query, candidate, num_queries, num_candidates)


def of_ratings(rows, num_queries=3, num_candidates=4):
    """Interactions of rows `(query, candidate, user_rating)`."""
    query, candidate, rating = zip(*rows, strict=True)
    return interactions(query, candidate, num_queries, num_candidates, user_rating=rating)


def plugin_source(imports=""):
    """Source of a plugin file with a weighting, `mine`: the plain sum.

    Args:
        imports: Lines that it is to have besides its own imports.
    """
    return f'''
"""A weighting."""
import tensorflow as tf
import mtbench
{imports}

class Mine(mtbench.LossWeighting):
    """Mine."""
    name = "mine"
    def build(self, tasks):
        return lambda losses: tf.reduce_sum(losses)

@mtbench.hookimpl
def mtbench_weightings():
    return [Mine]
'''


def as_plan(words):
    """`run`, `tune` or `advise` as the `plan` that reads the same suite and trains nothing."""
    if words[0] not in ("run", "tune", "advise"):
        return words
    rest, left = iter(words[1:]), ["plan"]
    for word in rest:
        arms = ("--strategies", "--trials", "--margin") if words[0] == "advise" else ()
        if word in ("--track", "--data-dir", "--executor", "--workers", *arms):
            next(rest)
        elif word not in ("--speed", "--force", "--save-models", "--json"):
            left.append(word)
    return left


def planned(path, *overrides, observers=(), scenarios=(), seeds=None):
    """A file's suite and plan, and the registry they are of: what `runner.execute` takes."""
    registry = installed()
    for observer in observers:
        registry.hooks.register(observer)
    suite = load_suite(path, registry, overrides=overrides, seeds=seeds)
    return suite, make_plan(suite, registry, scenarios), registry


def setups(path, registry, *overrides):
    """The setup of each scenario of a file's suite."""
    suite = load_suite(path, registry, overrides=overrides)
    return {name: suite.setup(name) for name in suite.scenarios}


def plan_of(path, *overrides, **chosen):
    """The plan of a file's suite; the arguments are those of `planned`."""
    return planned(path, *overrides, **chosen)[1]


def perform(suite, registry, folder, scenarios=(), **wanted):
    """Do what is to be done of a suite as a command does; the records of that, in its order.

    Args:
        suite: The suite.
        registry: Where its components come from.
        folder: Of its results.
        scenarios: Only these.
        wanted: Further fields of `Wanted`.
    """
    records.prepare_folder(folder)
    agenda = Agenda(suite, registry, folder, Wanted(scenarios, **wanted))
    todo = agenda.todo
    Driver(suite, registry, agenda, Observers(registry)).work()
    return [records.read(records.path_of(folder, run.id)) for run in todo]


def run_suite(path, folder, *overrides, scenarios=(), **chosen):
    """Records of the runs of a file's suite; the other arguments are those of `planned`."""
    suite, _, registry = planned(path, *overrides, scenarios=scenarios, **chosen)
    return perform(suite, registry, folder, scenarios)
