"""Reports from hand-made records: numbers by hand, text against golden files.

`MTBENCH_UPDATE_GOLDEN=1 pytest tests/test_report.py` writes the golden files anew.
"""

import csv
import io
import json
import math
import os
from pathlib import Path

import made
import pytest
from rich.console import Console

from mtbench.records.results import Results
from mtbench.report import FORMATS, summarize
from mtbench.report.formats import table

GOLDEN = Path(__file__).parent / "golden"
METRICS = {
    "ranking": [made.metric("rmse", higher=False)],
    "retrieval": [made.metric("top_1_seen_kept", headline=False), made.metric("top_5_seen_kept")],
}


def record(scenario, seed, rmse, top):
    """A record; the floors get a little better with every seed."""
    return made.record(
        scenario,
        seed,
        memory=5e6,
        started=f"2026-01-01T00:00:{len(scenario):02d}.{seed}",
        question__engine=made.FEW_PACKAGES,
        answer__weighting=None,
        metrics={
            "ranking": {"rmse": rmse},
            "retrieval": {"top_1_seen_kept": top / 10, "top_5_seen_kept": top},
        },
        metric_info=METRICS,
        floors={
            "ranking": {"global mean": {"rmse": 1.2}, "user+item bias": {"rmse": 1.0 - seed / 100}},
            "retrieval": {
                "chance": {"top_1_seen_kept": 0.1, "top_5_seen_kept": 0.25},
                "popularity": {"top_1_seen_kept": 0.05, "top_5_seen_kept": 0.3 + seed / 100},
            },
        },
        timings__train_examples_per_s=1000.0 + seed,
    )


@pytest.fixture
def records():
    values = {"joint": [(0.9, 0.2), (1.0, 0.3), (1.1, 0.7)], "rating|only [red]": [(0.5, 0.1)] * 3}
    return [
        record(scenario, seed, *pair)
        for scenario, pairs in values.items()
        for seed, pair in enumerate(pairs)
    ]


def test_numbers_by_hand(records):
    summary = summarize(Results.of(records))
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
    records[5] = made.failed(records[5], "a [bold] | reason")
    summary = summarize(Results.of(records, ["damaged.json: expected JSON, found a damaged file"]))
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
    summary = summarize(Results.of(records))
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](summary))))
    assert {row["name"] for row in rows} >= {"joint", "rating|only [red]", "popularity"}
    assert all(float(row["mean"]) >= 0 for row in rows)
    assert json.loads(FORMATS["json"](summary))["suite"] == "made"


def test_one_seed_has_no_spread(records):
    summary = summarize(Results.of(records[:1]))
    assert summary.scenarios[0].metrics["ranking/rmse"].sd is None
    assert "±" not in FORMATS["markdown"](summary).split("mean ±")[0]


def test_other_versions_are_left_out_and_counted(records):
    old = [made.changed(entry, question_id="q0", started="2025") for entry in records[:2]]
    changed = made.changed(records[0], answer__trained_tasks=["ranking"], started="2025")
    summary = summarize(Results.of([*old, changed, *records]))
    assert summary.notes == (
        "3 records of another version of the suite, data or software are left out",
    )
    assert summary.scenarios == summarize(Results.of(records)).scenarios


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"data__synthetic": True}, "synthetic data"),
        (
            {"data__synthetic": True, "question__stands_in_for": "movies (1m)"},
            "SYNTHETIC DATA in place of movies (1m)",
        ),
    ],
)
def test_made_up_data_is_said(records, changes, note):
    records = [made.changed(entry, **changes) for entry in records]
    summary = summarize(Results.of(records))
    assert summary.notes == (note,)
    assert note in FORMATS["markdown"](summary)


def test_only_failures(records):
    summary = summarize(Results.of([made.failed(entry, "no") for entry in records]))
    assert len(summary.notes) == 6
    for form in FORMATS.values():
        assert form(summary)
    table(summary, Console(file=io.StringIO()))


@pytest.fixture
def odd_records(records):
    """Made-up data in place of another, one seed beside three, a lower floor in the second run."""
    records = [r for r in records if r.scenario == "joint" or r.seed == 1]
    stand_in = {"data__synthetic": True, "question__stands_in_for": "movies (config=1m)"}
    records = [made.changed(entry, **stand_in) for entry in records]
    single = [made.changed(entry, answer__trained_tasks=["ranking"]) for entry in records[3:]]
    return [*records[:3], *single]


def as_text(summary, form, width=160):
    if form != "table":
        return FORMATS[form](summary)
    stream = io.StringIO()
    table(summary, Console(width=width, file=stream, highlight=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize(
    ("form", "suffix"), [("table", "txt"), ("markdown", "md"), ("csv", "csv"), ("json", "json")]
)
def test_golden_of_a_stand_in(odd_records, form, suffix):
    text = as_text(summarize(Results.of(odd_records)), form)
    path = GOLDEN / f"report_stand_in.{suffix}"
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.fixture
def told_records(records):
    """A sweep over the learning rate, one scenario with another tower, and two baselines."""
    floors = made.as_json(records[0])["floors"]
    rate = "answer__train__optimizer__learning_rate"
    points = [
        made.changed(r, scenario=f"lr[learning_rate={n}]", **{rate: n})
        for n in (0.001, 0.01, 0.1)
        for r in records[:3]
    ]
    mlp = made.identity("tower_mlp", "mlp", units=[8])
    deep = [made.changed(r, scenario="deep", answer__towers__query=mlp) for r in records[:3]]
    info = {"retrieval": METRICS["retrieval"]}
    baselines = [
        made.baseline(
            key,
            seed,
            started="2026-02",
            peak_memory_bytes=5000000,
            question__engine=made.FEW_PACKAGES,
            floors=floors,
            metric_info=info,
            metrics={"retrieval": {"top_1_seen_kept": 0.01, "top_5_seen_kept": top + seed / 100}},
        )
        for key, top in (("ease", 0.8), ("ials", 0.2))
        for seed in range(3)
    ]
    return [*records, *points, *deep, *baselines]


@pytest.mark.parametrize(
    ("form", "suffix"), [("table", "txt"), ("markdown", "md"), ("csv", "csv"), ("json", "json")]
)
def test_golden_of_changes_a_sweep_and_baselines(told_records, form, suffix):
    text = as_text(summarize(Results.of(told_records)), form, width=80)
    path = GOLDEN / f"report_told.{suffix}"
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("form", ["table", *FORMATS])
def test_one_seed_beside_three_has_no_spread(odd_records, form):
    summary = summarize(Results.of(odd_records))
    joint, rating = summary.scenarios
    assert {stat.n for stat in joint.metrics.values()} == {3}
    assert {(stat.n, stat.sd) for stat in rating.metrics.values()} == {(1, None)}
    lines = [line for line in as_text(summary, form).splitlines() if "rating" in line]
    assert any("0.500" in line or "0.5" in line for line in lines) or form == "json"
    assert not [line for line in lines if "±" in line]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_fits_the_terminal(records, odd_records, width):
    for chosen in (records, odd_records, records[:1]):
        head, *rest = as_text(summarize(Results.of(chosen)), "table", width).partition(
            "\nSecond line"
        )
        assert rest
        said = [f"{one[:1].upper()}{one[1:]}." for one in summarize(Results.of(chosen)).answer]
        lines = head.splitlines()
        assert [line for line in lines if line in said] == said  # the terminal's to fold
        table_lines = [line for line in lines if "Synthetic" not in line and line not in said]
        assert max(map(len, table_lines)) <= width


def test_headline_metrics_only_in_the_table(records):
    text = as_text(summarize(Results.of(records)), "table")
    assert "top 5 seen" in text
    assert "top 1 seen" not in text
    assert "top_1_seen_kept" in as_text(summarize(Results.of(records)), "markdown")


@pytest.mark.parametrize("form", ["table", *FORMATS])
def test_names_and_messages_are_text(records, form):
    """Markup of rich, of Markdown's tables, of CSV and JSON."""
    name = 'a [red]x[/red] | "b", c'
    records[3:] = [made.changed(entry, scenario=name) for entry in records[3:]]
    records[0] = made.failed(records[0], 'no [/] end | of, "it"', "Bad")
    text = as_text(summarize(Results.of(records)), form)
    if form == "csv":
        assert {row["name"] for row in csv.DictReader(io.StringIO(text))} >= {name}
    elif form == "json":
        summary = json.loads(text)
        assert summary["scenarios"][1]["name"] == name
        assert summary["notes"] == ['FAILED: joint seed 0: Bad: no [/] end | of, "it"']
    else:
        assert 'FAILED: joint seed 0: Bad: no [/] end | of, "it"' in text
        assert (name.replace("|", "\\|") if form == "markdown" else name) in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {4, 5, 8}


def test_a_failed_run_is_left_out_of_the_numbers(records):
    records[2] = made.failed(records[2])
    joint = summarize(Results.of(records)).scenarios[0]
    rmse = joint.metrics["ranking/rmse"]
    assert (rmse.n, rmse.mean, rmse.sd) == (
        2,
        pytest.approx(0.95),
        pytest.approx(0.1 / math.sqrt(2)),
    )
    # on the splits of seed 0 and 1: (1.00 - 0.9 + 0.99 - 1.0) / 2
    assert joint.above_floor["ranking/rmse"] == pytest.approx(0.045)


def test_a_floor_that_is_strongest_in_the_mean_is_taken_for_every_seed(records):
    """Popularity scores 0.30, 0.31, 0.32; chance now 0.40, 0.25, 0.25: it wins one seed only."""
    joint = records[:3]
    for entry, chance in zip(joint, (0.40, 0.25, 0.25), strict=True):
        entry.floors["retrieval"]["chance"]["top_5_seen_kept"] = chance
    summary = summarize(Results.of(joint))
    (column,) = [c for c in summary.columns if c.key == "retrieval/top_5_seen_kept"]
    assert column.floor == "popularity"
    above = summary.scenarios[0].above_floor["retrieval/top_5_seen_kept"]
    assert above == pytest.approx((0.2 - 0.30 + 0.3 - 0.31 + 0.7 - 0.32) / 3)


def test_a_task_without_floors(records):
    for entry in records:
        entry.floors["retrieval"] = {}
    summary = summarize(Results.of(records))
    assert {c.key: c.floor for c in summary.columns}["retrieval/top_5_seen_kept"] is None
    assert set(summary.scenarios[0].above_floor) == {"ranking/rmse"}
    for form in ("table", *FORMATS):
        assert as_text(summary, form)


def test_a_run_too_short_to_measure_has_no_speed(records):
    for entry in records:
        entry.timings["train_examples_per_s"] = None
    summary = summarize(Results.of(records))
    assert "train_examples_per_s" not in summary.scenarios[0].speed
    for form in ("table", *FORMATS):
        assert "None" not in as_text(summary, form)


def test_a_run_that_was_done_again_counts_once(records):
    """The newest question's records are kept, whatever the order they are read in."""
    older = [made.changed(r, question_id="q0", started="2025") for r in records]
    for order in ([*older, *records], [*records, *older]):
        summary = summarize(Results.of(order))
        assert summary.scenarios == summarize(Results.of(records)).scenarios
        assert summary.notes[0].startswith("6 records of another version")


def test_one_record_left_out_is_one(records):
    older = made.changed(records[0], question_id="q0", started="2025")
    assert summarize(Results.of([older, *records])).notes == (
        "1 record of another version of the suite, data or software is left out",
    )


def test_csv_has_exact_numbers(records):
    rows = {
        (row["kind"], row["name"], row["metric"]): row
        for row in csv.DictReader(io.StringIO(as_text(summarize(Results.of(records)), "csv")))
    }
    row = rows["scenario", "joint", "ranking/rmse"]
    assert float(row["mean"]) == pytest.approx(1.0, abs=1e-15)
    assert float(row["sd"]) == pytest.approx(0.1, abs=1e-15)
    assert (row["suite"], row["seeds"], row["floor"]) == ("made", "3", "user+item bias")
    assert float(row["above_floor"]) == pytest.approx(-0.01, abs=1e-15)
    floor = rows["floor", "popularity", "retrieval/top_5_seen_kept"]
    assert float(floor["mean"]) == pytest.approx(0.31)
    assert (floor["floor"], floor["above_floor"]) == ("", "")
    assert rows["scenario", "joint", "parameters"]["mean"] == "1234.0"


def test_colours_in_a_terminal_only(records):
    stream = io.StringIO()
    table(summarize(Results.of(records)), Console(width=100, file=stream, force_terminal=True))
    assert "\x1b[31m0.010 worse" in stream.getvalue()
    assert "\x1b[32m0.090 better" in stream.getvalue()
    assert "\x1b" not in as_text(summarize(Results.of(records)), "table")
