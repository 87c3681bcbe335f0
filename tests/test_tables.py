"""Results as tables: exact frames of hand-made records, and files that give them back."""

import json
import math
import os
import re
import subprocess
import sys

import made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbench.errors import MtbenchError, RecordError
from mtbench.records import columns as rows
from mtbench.records import tables

pd = pytest.importorskip("pandas")
INFO = {
    "ranking": [made.metric("rmse", higher=False)],
    "retrieval": [made.metric("top_1", headline=False), made.metric("top_5")],
}
FLOORS = {
    "ranking": {"mean": {"rmse": 1.25}},
    "retrieval": {
        "chance": {"top_1": 0.1, "top_5": 0.5},
        "popularity": {"top_1": 0.2, "top_5": 0.6},
    },
}
CSV = {"keep_default_na": False, "na_values": [""]}
if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
    CSV["float_precision"] = "round_trip"


def record(scenario, seed, rmse, at, **changes):
    """The record of a run that went well, made `at` seconds."""
    single = scenario == "rating-only"
    fixed = made.identity("weighting_fixed", "fixed", weights={"ranking": 0.1})
    values = {"ranking": {"rmse": rmse}, "retrieval": {"top_1": rmse / 4, "top_5": rmse / 2}}
    of_tables = {
        "started": f"2026-01-01T00:00:{at:02d}.000001+00:00",
        "question__stands_in_for": "movielens",
        "answer__weighting": None if single else fixed,
        "timings__train_examples_per_s": None if single else 1e5,
        "timings__evaluate_examples_per_s": 160.0,
        "timings__run_s": 4.5,
        "data__source": "synthetic",
        "data__synthetic": True,
        "data__fingerprint": "f1",
        "floors": FLOORS,
        "metric_info": INFO,
        "metrics": values,
    }
    tasks = ["ranking"] if single else made.BOTH
    return made.record(scenario, seed, tasks=tasks, memory=5e6, **of_tables | changes)


def failed(record, keep=()):
    return made.failed(record, 'no, "really"\nno', keep=keep)


def store(folder, *records):
    return made.write(folder, records)


@pytest.fixture
def folder(tmp_path):
    """Two scenarios with one seed, and a run of a second seed that failed."""
    return store(
        tmp_path / "made",
        record("rating-only", 3, 1.0, 1),
        record("joint", 3, 0.5, 2),
        failed(record("joint", 4, 0.5, 3)),
    )


def frame(columns, *lines):
    table = pd.DataFrame(lines, columns=columns)
    return table.astype({"seed": "int64"})


def metric_lines():
    """What `folder` says, by hand."""
    nan, text = math.nan, None
    q1 = ("q1",)
    return [
        ("made", "scenario", "rating-only", text, text, 3, "ok", "ranking", True, "rmse", True,
         False,
         1.0, True, "rating-only-3", *q1),
        ("made", "scenario", "rating-only", text, text, 3, "ok", "retrieval", False, "top_1",
         False, True,
         0.25, True, "rating-only-3", *q1),
        ("made", "scenario", "rating-only", text, text, 3, "ok", "retrieval", False, "top_5",
         True, True,
         0.5, True, "rating-only-3", *q1),
        ("made", "scenario", "joint", "fixed", text, 3, "ok", "ranking", True, "rmse", True, False,
         0.5, True, "joint-3", *q1),
        ("made", "scenario", "joint", "fixed", text, 3, "ok", "retrieval", True, "top_1", False,
         True,
         0.125, True, "joint-3", *q1),
        ("made", "scenario", "joint", "fixed", text, 3, "ok", "retrieval", True, "top_5", True,
         True,
         0.25, True, "joint-3", *q1),
        ("made", "scenario", "joint", "fixed", text, 4, "failed", "ranking", True, "rmse", True,
         False,
         nan, True, "joint-4", *q1),
        ("made", "scenario", "joint", "fixed", text, 4, "failed", "retrieval", True, "top_1",
         False, True,
         nan, True, "joint-4", *q1),
        ("made", "scenario", "joint", "fixed", text, 4, "failed", "retrieval", True, "top_5",
         True, True,
         nan, True, "joint-4", *q1),
        ("made", "floor", "mean", text, text, 3, "ok", "ranking", False, "rmse", True, False,
         1.25, True, text, *q1),
        ("made", "floor", "chance", text, text, 3, "ok", "retrieval", False, "top_1", False, True,
         0.1, True, text, *q1),
        ("made", "floor", "popularity", text, text, 3, "ok", "retrieval", False, "top_1", False,
         True,
         0.2, True, text, *q1),
        ("made", "floor", "chance", text, text, 3, "ok", "retrieval", False, "top_5", True, True,
         0.5, True, text, *q1),
        ("made", "floor", "popularity", text, text, 3, "ok", "retrieval", False, "top_5", True,
         True,
         0.6, True, text, *q1),
    ]  # fmt: skip


def run_lines():
    nan, text = math.nan, None
    machine = ("synthetic", "movielens", "f1", "Linux", "3.11.0", "a CPU", 2)
    unknown = (text, "movielens", text, "Linux", "3.11.0", "a CPU", 2)
    engine = ("0.1.0", "2.21.0", "2.21.0", "0.7.7", "2.0.0")
    options = '{"weights": {"ranking": 0.1}}'
    at = [pd.Timestamp(f"2026-01-01T00:00:0{n}.000001Z") for n in (1, 2, 3)]
    return [
        ("made", "scenario", "rating-only", "ranking", text, text, text, 3, "ok", text, at[0],
         4.5, 2.0, 0.5, 0.25, 1.0, 3.0, 1.0, nan, 3.0, 0.002, 1, 0.125, 160.0, 5_000_000,
         1234.0, 80.0, 20.0,
         *machine, *engine, "rating-only-3", "q1"),
        ("made", "scenario", "joint", "ranking, retrieval", "fixed", options, text, 3, "ok",
         text, at[1],
         4.5, 2.0, 0.5, 0.25, 1.0, 3.0, 1.0, 1e5, 3.0, 0.002, 1, 0.125, 160.0, 5_000_000,
         1234.0, 80.0, 20.0,
         *machine, *engine, "joint-3", "q1"),
        ("made", "scenario", "joint", "ranking, retrieval", "fixed", options, text, 4, "failed",
         'ValueError: no, "really"\nno', at[2],
         4.5, 2.0, 0.5, nan, nan, nan, nan, nan, 3.0, nan, 1, nan, nan, 5_000_000, nan, nan, nan,
         *unknown, *engine, "joint-4", "q1"),
    ]  # fmt: skip


def same(found, expected, **how):
    """Equal frames, whichever way pandas' version says that a text is missing."""
    texts = [key for key in expected if expected[key].dtype in (object, "str")]
    pd.testing.assert_frame_equal(
        found.astype(dict.fromkeys(texts, "string")),
        expected.astype(dict.fromkeys(texts, "string")),
        check_exact=True,
        **how,
    )


def test_metrics_floors_and_a_failed_run(folder):
    found = tables.load_results(folder)
    same(found, frame(list(rows.COLUMNS), *metric_lines()))
    assert {str(found[key].dtype) for key in ("trained", "headline", "synthetic")} == {"bool"}
    assert (str(found["seed"].dtype), str(found["value"].dtype)) == ("int64", "float64")


def test_runs(folder):
    found = tables.load_runs(str(folder))
    expected = frame(list(rows.RUN_COLUMNS), *run_lines())
    same(found, expected.astype({"started": "datetime64[us, UTC]"}))
    joined = tables.load_results(folder).merge(found, on="run_id", validate="many_to_one")
    assert len(joined) == 9
    assert set(joined["scenario"] == joined["name"]) == {True}


@pytest.mark.parametrize("function", [tables.load_results, tables.load_runs])
def test_every_column_is_documented_and_no_other(function):
    columns = rows.COLUMNS if function is tables.load_results else rows.RUN_COLUMNS
    text = function.__doc__.partition("Args:")[0].replace("\n", " ")
    named = {part for n, part in enumerate(text.split("`")) if n % 2}
    assert set(columns) <= named


def test_a_floor_counts_once_for_a_split(tmp_path):
    entries = [record(name, seed, 1.0, seed) for name in ("a", "b") for seed in (0, 1)]
    for entry in (entries[1], entries[3]):
        entry.floors["ranking"] = {"mean": {"rmse": 1.5}}
    found = tables.load_results(store(tmp_path / "r", *entries))
    floors = found[(found.kind == "floor") & (found.metric == "rmse")]
    assert list(zip(floors.seed, floors.value, strict=True)) == [(0, 1.25), (1, 1.5)]


def test_metrics_of_a_failed_run_are_not_taken(tmp_path):
    """A run that fails because its task names other metrics than it said keeps them."""
    bad = failed(record("joint", 1, 9.0, 2), keep=("metrics", "metric_info", "data", "floors"))
    bad = made.changed(bad, metrics={"ranking": {"rmse": 9.0, "other": 9.0}})
    found = tables.load_results(store(tmp_path / "r", record("joint", 0, 1.0, 1), bad))
    assert found[found.seed == 1].value.isna().all()
    assert set(found[found.kind == "floor"].seed) == {0}


def test_only_failed_runs(tmp_path):
    """Without metrics there is no row; with some that were told, a row for each of them."""
    one = store(tmp_path / "a", failed(record("joint", 0, 1.0, 1)))
    assert tables.load_results(one).shape == (0, len(rows.COLUMNS))
    assert list(tables.load_runs(one).status) == ["failed"]
    told = failed(record("joint", 0, 1.0, 1), keep=("metric_info", "data", "floors"))
    found = tables.load_results(store(tmp_path / "b", told))
    assert list(found.metric) == ["rmse", "top_1", "top_5"]
    assert found.value.isna().all()


def test_other_questions_are_left_out_unless_asked_for(tmp_path):
    changed = record("joint", 0, 4.0, 2, run_id="was", answer__trained_tasks=["retrieval"])
    old = record("joint", 0, 7.0, 1, question_id="q0", run_id="old")
    folder = store(tmp_path / "r", old, changed, record("joint", 0, 1.0, 3))
    note = "2 records of another version of the suite, data or software are left out"
    with pytest.warns(UserWarning, match=note) as warned:
        found = tables.load_results(folder)
    ((said, file),) = [(str(w.message), w.filename) for w in warned]
    assert file == __file__
    assert re.fullmatch(
        rf"{note}: {folder}@\w{{8}} \(1 run, .*\), {folder}@\w{{8}} \(1 run, .*\)", said
    )
    assert set(found.question_id) == {"q1"}
    assert list(found[found.metric == "rmse"].value) == [1.0, 1.25]
    assert tables.export(folder, tmp_path / "x.csv") == [said]

    every = tables.load_results(folder, every=True)
    rmse = every[every.metric == "rmse"][["question_id", "kind", "value", "trained"]]
    assert [tuple(line) for line in rmse.itertuples(index=False)] == [
        ("q0", "scenario", 7.0, True),
        ("q1", "scenario", 4.0, False),
        ("q1", "scenario", 1.0, True),
        ("q0", "floor", 1.25, False),
        ("q1", "floor", 1.25, False),
    ]
    assert list(tables.load_runs(folder, every=True).run_id) == ["old", "was", "joint-0"]
    assert tables.export(folder, tmp_path / "x.csv", every=True) == []


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".CSV"])
def test_a_file_gives_the_frame_back(folder, tmp_path, suffix, runs):
    target = tmp_path / f"out{suffix}"
    target.write_text("what was there")
    assert tables.export(folder, target, runs=runs) == []
    expected = tables.load_runs(folder) if runs else tables.load_results(folder)
    if suffix == ".parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(target), expected, check_exact=True)
    else:
        found = pd.read_csv(target, parse_dates=["started"] if runs else None, **CSV)
        if runs:
            found = found.astype({"started": "datetime64[us, UTC]"})
        same(found, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", target.name]


def test_names_that_look_like_something_else(tmp_path):
    names = ["NA", "null", "1", "a,b", 'quo"te', "two\nlines", "=1+1", "–"]
    folder = store(
        tmp_path / "r", *(record(n, 0, 1.0, k, run_id=str(k)) for k, n in enumerate(names))
    )
    for target in (tmp_path / "x.csv", tmp_path / "x.parquet"):
        tables.export(folder, target, runs=True)
    found = list(pd.read_csv(tmp_path / "x.csv", dtype={"scenario": str}, **CSV).scenario)
    assert found == ["'=1+1" if name == "=1+1" else name for name in names]
    assert list(pd.read_parquet(tmp_path / "x.parquet").scenario) == names


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_come_back_to_the_bit(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("r")
    store(folder, *(record("joint", n, value, 1) for n, value in enumerate(values)))
    tables.export(folder, folder / "x.csv")
    tables.export(folder, folder / "x.parquet")
    for found in (pd.read_csv(folder / "x.csv", **CSV), pd.read_parquet(folder / "x.parquet")):
        rmse = found[(found.metric == "rmse") & (found.kind == "scenario")].sort_values("seed")
        assert np.array_equal(rmse.value.to_numpy(), values)


def test_a_truncated_record_is_told_and_the_rest_is_read(folder, tmp_path):
    path = folder / "joint-3.json"
    path.write_text(path.read_text()[:500])
    note = f"{path}: expected JSON, found a damaged file"
    with pytest.warns(UserWarning, match="damaged") as warned:
        found = tables.load_results(folder)
    assert [str(w.message) for w in warned] == [note]
    assert set(found.run_id.dropna()) == {"rating-only-3", "joint-4"}
    assert tables.export(folder, tmp_path / "x.parquet") == [note]


def refused(*arguments):
    with pytest.raises(MtbenchError) as error:
        tables.export(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("x.parquett", " (did you mean '.parquet'?)"),
        ("x.xlsx", " (known: .csv, .parquet)"),
        ("x", " (known: .csv, .parquet)"),
        (".csv", " (known: .csv, .parquet)"),
    ],
)
def test_an_unknown_suffix(folder, tmp_path, name, near):
    target = tmp_path / name
    message = f"{target}: expected the suffix of a known format, found {target.suffix!r}{near}"
    assert refused(folder, target) == message
    assert not target.exists()


def test_a_folder_without_results(tmp_path):
    (tmp_path / "empty").mkdir()
    target = tmp_path / "x.csv"
    assert refused(tmp_path / "empty", target) == f"{tmp_path / 'empty'}: has no record of a run"
    assert refused(tmp_path / "no", target) == f"{tmp_path / 'no'}: no such folder of results"
    assert not target.exists()
    with pytest.raises(RecordError, match="no such folder"):
        tables.load_results(tmp_path / "no")


def test_a_target_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "is.csv").mkdir()
    no = tmp_path / "no" / "x.csv"
    assert refused(folder, no) == f"{no}: cannot be written: no such file or directory"
    assert refused(folder, tmp_path / "is.csv").endswith(
        "is.csv: cannot be written: is a folder, expected a file"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["is.csv", "made"]


def test_a_write_that_breaks_off_leaves_what_was_there(folder, tmp_path, monkeypatch):
    def breaks(table, stream):
        stream.write(b"half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setitem(tables.WRITERS, ".csv", breaks)
    target = tmp_path / "x.csv"
    target.write_text("what was there")
    assert refused(folder, target) == f"{target}: cannot be written: no space left on device"
    assert target.read_text() == "what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "x.csv"]


def test_without_pandas(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MtbenchError) as error:
        tables.load_results(folder)
    line = "pandas is needed for this and not installed: pip install 'mtbench[tables]'"
    assert str(error.value) == line


def test_export_needs_no_pandas_and_importing_nothing(folder, tmp_path):
    code = (
        "import sys, json\nfrom mtbench.records import tables\n"
        "before = sorted({'pandas', 'pyarrow'} & set(sys.modules))\n"
        "class Absent:\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'pandas':\n            raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Absent)\n"
        "for suffix in ('csv', 'parquet'):\n    tables.export(sys.argv[1], sys.argv[2] + suffix)\n"
        "print(json.dumps(before))"
    )
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "x.")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (json.loads(done.stdout or "null"), done.stderr) == ([], "")
    assert (tmp_path / "x.parquet").exists()
