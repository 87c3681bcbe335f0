"""Made-up results for the tests of what compares them: records with the keys of real ones."""

import copy

from mtbench.records import store as records

HEX = "0123456789abcdef" * 4
METRICS = {
    "ranking": [
        {"name": "rmse", "higher_is_better": False, "headline": True},
        {"name": "mae", "higher_is_better": False, "headline": False},
    ],
    "retrieval": [{"name": "top_5", "higher_is_better": True, "headline": True}],
}


def origin(plugin, sha256=HEX):
    return {"plugin": plugin, "distribution": "mtbench", "version": "0.1.0", "sha256": sha256}


def identity(plugin, name, **options):
    return {"name": name, "options": options, "origin": origin(plugin)}


PROTOCOL = {
    "suite": "made",
    "dataset": identity("dataset_movies", "movies", size="100k"),
    "stands_in_for": None,
    "split": identity("split_random", "random", test_share=0.2),
    "towers": {
        side: identity("tower_embedding", "embedding", embedding_dim=32)
        for side in ("query", "candidate")
    },
    "tasks": {
        "ranking": identity("task_ranking", "ranking", units=[64, 32]),
        "retrieval": identity("task_retrieval", "retrieval", temperature=1.0),
    },
    "task_order": ["ranking", "retrieval"],
    "train": {"epochs": 3, "batch_size": 64, "optimizer": {"name": "adam", "learning_rate": 0.01}},
    "engine": {"mtbench": "0.1.0", "tensorflow": "2.21.0", "numpy": "2.4.6", "threads": 2},
}


def record(scenario, seed, rmse=1.0, top=0.5, *, pace=1.0, memory=1e9, **changes):
    """The record of a run that went well, or with `status="failed"` of one that did not.

    Args:
        pace: Time of a step in that of the reference workload; None for a record without.
        changes: Keys of the record; `a__b=…` for the key b of its value a.
    """
    made = {
        "schema_version": records.SCHEMA_VERSION,
        "run_id": f"{scenario}-{seed}".replace("/", "_"),
        "protocol_id": "p1",
        "suite": "made",
        "scenario": scenario,
        "seed": seed,
        "status": "ok",
        "error": None,
        "started": f"2026-01-01T00:00:00.{seed:06d}",
        "protocol": copy.deepcopy(PROTOCOL),
        "trained_tasks": ["ranking", "retrieval"],
        "weighting": identity("weighting_fixed", "fixed", weights={"retrieval": 10.0}),
        "metrics": {"ranking": {"rmse": rmse, "mae": rmse * 0.8}, "retrieval": {"top_5": top}},
        "metric_info": copy.deepcopy(METRICS),
        "floors": {"ranking": {}, "retrieval": {}},
        "curve": [],
        "diagnostics": [],
        "timings": {
            "train_examples_per_s": 1000.0,
            "run_s": 2.0,
            **({} if pace is None else {"step_per_reference": pace}),
        },
        "peak_memory_bytes": int(memory),
        "parameters": 1234,
        "data": {"source": "movies", "synthetic": False, "stands_in_for": None, "fingerprint": HEX},
        "environment": {"python": "3.11.0", "cpu": "a CPU", "threads": 2},
    }
    if changes.get("status") == "failed":
        made["error"] = {"type": "ValueError", "message": "on\npurpose", "traceback": []}
        for key in ("curve", "data", "floors", "metric_info", "metrics", "parameters"):
            del made[key]
    for key, value in changes.items():
        *path, last = key.split("__")
        node = made
        for part in path:
            node = node[part]
        node[last] = value
    return made


def write(folder, made):
    """Store records in a folder, which is returned."""
    folder.mkdir(exist_ok=True)
    for one in made:
        records.write(folder, one)
    return folder
