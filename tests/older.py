"""Records of older forms, written down as the versions that wrote them did."""

import json

HEX = "0123456789abcdef" * 4
ENGINE = {"mtbench": "0.0.9", "tensorflow": "2.21.0", "threads": 2}


def identity(name, **options):
    origin = {"plugin": name, "distribution": "mtbench", "version": "0.0.9", "sha256": HEX}
    return {"name": name, "options": options, "origin": origin}


PROTOCOL = {
    "suite": "made",
    "dataset": identity("movies", size="100k"),
    "content": None,
    "stands_in_for": None,
    "split": identity("random", test_share=0.2),
    "towers": {side: identity("embedding", embedding_dim=32) for side in ("query", "candidate")},
    "tasks": {  # as JSON with sorted keys has them; `task_order` has the suite's order
        "ranking": identity("ranking", units=[64]),
        "retrieval": identity("retrieval", temperature=1.0),
    },
    "task_order": ["retrieval", "ranking"],
    "train": {"epochs": 3, "batch_size": 64},
    "evaluate_on": "test",
    "engine": ENGINE,
}
BOTH = ("ranking", "retrieval")


def of_schema_1(scenario, seed, rmse=1.0, tasks=BOTH):
    """The record of a run that went well, as mtbench wrote it before `question` and `answer`."""
    return {
        "schema_version": 1,
        "run_id": f"{scenario}-{seed}",
        "protocol_id": "p1",
        "suite": "made",
        "scenario": scenario,
        "seed": seed,
        "status": "ok",
        "error": None,
        "started": f"2025-01-01T00:00:00.{seed:06d}",
        "protocol": PROTOCOL,
        "trained_tasks": list(tasks),
        "weighting": identity("fixed", weights={"retrieval": 10.0}) if len(tasks) > 1 else None,
        "environment": {
            "platform": "Linux",
            "python": "3.11.0",
            "cpu": "a CPU",
            "threads": 2,
            "onednn": "default",
            "xla_flags": "",
        },
        "timings": {
            "import_s": 2.0,
            "data_s": 0.5,
            "run_s": 2.0,
            "train_examples_per_s": 1000.0,
            "step_per_reference": 1.5,
        },
        "peak_memory_bytes": 1000000000,
        "data": {
            "source": "movies",
            "synthetic": False,
            "stands_in_for": None,
            "fingerprint": HEX,
            "num_queries": 10,
            "num_candidates": 20,
            "train": 80,
            "validation": 0,
            "test": 20,
            "evaluated_on": "test",
            "notes": [],
            "slices": None,
        },
        "metric_info": {
            "retrieval": [{"name": "top_5", "higher_is_better": True, "headline": True}],
            "ranking": [{"name": "rmse", "higher_is_better": False, "headline": True}],
        },
        "curve": [{"epoch": 1, "ranking_loss": 0.5}],
        "validation": [],
        "epoch": 1,
        "diagnostics": [],
        "parameters": 1234,
        "metrics": {"retrieval": {"top_5": 0.5}, "ranking": {"rmse": rmse}},
        "floors": {
            "retrieval": {"popularity": {"top_5": 0.3}},
            "ranking": {"mean": {"rmse": 1.2}},
        },
    }


def write(folder, records):
    """Store them in a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        (folder / f"{record['run_id']}.json").write_text(json.dumps(record, indent=1))
    return folder
