"""Reports from hand-made records: numbers by hand, text against golden files.

`MTBENCH_UPDATE_GOLDEN=1 pytest tests/test_report.py` writes the golden files anew.
"""

import copy
import csv
import io
import json
import math
import os
from pathlib import Path

import pytest
from rich.console import Console

from mtbench.report import FORMATS, summarize
from mtbench.report.formats import table

GOLDEN = Path(__file__).parent / "golden"
METRICS = {
    "ranking": [{"name": "rmse", "higher_is_better": False, "headline": True}],
    "retrieval": [
        {"name": "top_1_seen_kept", "higher_is_better": True, "headline": False},
        {"name": "top_5_seen_kept", "higher_is_better": True, "headline": True},
    ],
}


def record(scenario, seed, rmse, top, **changes):
    """A record; the floors get a little better with every seed."""
    return {
        "protocol_id": "p1",
        "suite": "made",
        "scenario": scenario,
        "seed": seed,
        "status": "ok",
        "error": None,
        "started": f"2026-01-01T00:00:{len(scenario):02d}.{seed}",
        "trained_tasks": ["ranking", "retrieval"],
        "weighting": None,
        "metrics": {
            "ranking": {"rmse": rmse},
            "retrieval": {"top_1_seen_kept": top / 10, "top_5_seen_kept": top},
        },
        "metric_info": METRICS,
        "floors": {
            "ranking": {"global mean": {"rmse": 1.2}, "user+item bias": {"rmse": 1.0 - seed / 100}},
            "retrieval": {
                "chance": {"top_1_seen_kept": 0.1, "top_5_seen_kept": 0.25},
                "popularity": {"top_1_seen_kept": 0.05, "top_5_seen_kept": 0.3 + seed / 100},
            },
        },
        "timings": {
            "train_examples_per_s": 1000.0 + seed,
            "evaluate_examples_per_s": 500.0,
            "run_s": 2.0,
        },
        "peak_memory_bytes": 5_000_000,
        "parameters": 1234,
        "data": {
            "source": "movies",
            "synthetic": False,
            "stands_in_for": None,
            "num_queries": 10,
            "num_candidates": 20,
            "train": 80,
            "test": 20,
        },
        "environment": {"python": "3.11.0", "cpu": "a CPU"},
        "protocol": {"engine": {"mtbench": "0.1.0", "tensorflow": "2.21.0", "threads": 2}},
        **changes,
    }


@pytest.fixture
def records():
    values = {"joint": [(0.9, 0.2), (1.0, 0.3), (1.1, 0.7)], "rating|only [red]": [(0.5, 0.1)] * 3}
    return [
        record(scenario, seed, *pair)
        for scenario, pairs in values.items()
        for seed, pair in enumerate(pairs)
    ]


def test_numbers_by_hand(records):
    summary = summarize(records)
    joint, rating = summary.scenarios
    rmse = joint.metrics["ranking/rmse"]
    assert (rmse.mean, rmse.sd, rmse.n) == (pytest.approx(1.0), pytest.approx(0.1), 3)
    top = joint.metrics["retrieval/top_5_seen_kept"]
    assert (top.mean, top.sd) == (pytest.approx(0.4), pytest.approx(math.sqrt(0.07)))
    # the strongest floor has the best mean: bias 0.99, popularity 0.31, but chance at top-1
    floors = {column.key: column.floor for column in summary.columns}
    assert floors == {
        "ranking/rmse": "user+item bias",
        "retrieval/top_1_seen_kept": "chance",
        "retrieval/top_5_seen_kept": "popularity",
    }
    assert joint.above_floor["ranking/rmse"] == pytest.approx((0.1 - 0.01 - 0.12) / 3)
    assert joint.above_floor["retrieval/top_5_seen_kept"] == pytest.approx(0.4 - 0.31)
    assert rating.metrics["ranking/rmse"].sd == 0
    bias = next(row for row in summary.floors if row.name == "user+item bias")
    assert bias.metrics["ranking/rmse"].n == 3  # a split counts once
    assert joint.speed["train_examples_per_s"].mean == 1001


@pytest.mark.parametrize("form", ["table", *FORMATS])
def test_golden(records, form):
    records[5]["status"] = "failed"
    records[5]["error"] = {"type": "ValueError", "message": "a [bold] | reason"}
    summary = summarize(records, ["damaged.json: expected JSON, found a damaged file"])
    if form == "table":
        stream = io.StringIO()
        table(summary, Console(file=stream, width=140, highlight=False))
        text = "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
    else:
        text = FORMATS[form](summary)
    path = GOLDEN / f"report.{form}.txt"
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_csv_and_json_are_well_formed(records):
    summary = summarize(records)
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](summary))))
    assert {row["name"] for row in rows} >= {"joint", "rating|only [red]", "popularity"}
    assert all(float(row["mean"]) >= 0 for row in rows)
    assert json.loads(FORMATS["json"](summary))["suite"] == "made"


def test_one_seed_has_no_spread(records):
    summary = summarize(records[:1])
    assert summary.scenarios[0].metrics["ranking/rmse"].sd is None
    assert "±" not in FORMATS["markdown"](summary).split("mean ±")[0]


def test_other_versions_are_left_out_and_counted(records):
    old = copy.deepcopy(records[:2])
    for entry in old:
        entry |= {"protocol_id": "p0", "started": "2025"}
    changed = {**copy.deepcopy(records[0]), "trained_tasks": ["ranking"], "started": "2025"}
    summary = summarize([*old, changed, *records])
    assert summary.notes == ("3 records of another version of the suite or software are left out",)
    assert summary.scenarios == summarize(records).scenarios


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"synthetic": True}, "synthetic data"),
        (
            {"synthetic": True, "stands_in_for": "movies (1m)"},
            "SYNTHETIC DATA in place of movies (1m)",
        ),
    ],
)
def test_made_up_data_is_said(records, changes, note):
    for entry in records:
        entry["data"] = {**entry["data"], **changes}
    summary = summarize(records)
    assert summary.notes == (note,)
    assert note in FORMATS["markdown"](summary)


def test_only_failures(records):
    for entry in records:
        entry["status"] = "failed"
        entry["error"] = {"type": "ValueError", "message": "no"}
        for key in ("metrics", "floors", "metric_info", "data"):
            del entry[key]
    summary = summarize(records)
    assert len(summary.notes) == 6
    for form in FORMATS.values():
        assert form(summary)
    table(summary, Console(file=io.StringIO()))
