"""The command line, as a user sees it."""

import csv
import io
import json
import subprocess
import sys

import pytest

from mtbench import __version__, records
from mtbench.cli import main
from mtbench.plan import make_plan
from mtbench.registry import installed
from mtbench.suite import load_suite


@pytest.fixture
def done(tiny, tmp_path, monkeypatch, capsys):
    """The small suite, run once, its results in `results/tiny`."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(tiny)]) == 0
    capsys.readouterr()
    return tmp_path / "results" / "tiny"


def test_check_and_plan(done, tiny, capsys):
    assert main(["check", str(tiny)]) == 0
    assert capsys.readouterr().out == f"{tiny}: valid; 3 scenarios × 2 seeds = 6 runs\n"
    assert main(["plan", str(tiny), "--seeds", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["done", "done", "to do"] * 3 + [
        "9 runs, 6 done in results/tiny"
    ]
    assert lines[0].endswith("rating-only  seed 0")
    assert main(["plan", str(tiny), "--scenario", "joint"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_run_again_reports_what_is_there(done, tiny, capsys):
    before = {path: path.stat().st_mtime_ns for path in done.iterdir()}
    assert main(["run", str(tiny)]) == 0
    output, told = capsys.readouterr()
    assert "6 of 6 runs are done already (--force does them again)" in told
    assert "tiny: mean ± sd over 2 seeds" in output
    assert "synthetic data" in output
    assert "\x1b" not in output + told
    assert {path: path.stat().st_mtime_ns for path in done.iterdir()} == before
    assert main(["run", str(tiny), "--force", "--scenario", "joint", "--seeds", "1"]) == 0
    changed = [path for path in done.iterdir() if path.stat().st_mtime_ns != before[path]]
    assert [records.read(path)["scenario"] for path in changed] == ["joint"]


def test_report(done, capsys):
    assert main(["report", str(done), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in summary["scenarios"]} == {
        "rating-only",
        "retrieval-only",
        "joint",
    }
    (done / "damaged.json").write_text("{")
    assert main(["report", str(done)]) == 0
    output = capsys.readouterr().out
    assert "damaged.json: expected JSON, found a damaged file" in output
    assert "joint" in output


def test_a_failed_run_gives_exit_code_1(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["-o", "train.optimizer={name: sgd, learning_rate: 1.0e+30}", "--seeds", "1"]
    assert main(["run", str(tiny), "--scenario", "joint", *words]) == 1
    output, told = capsys.readouterr()
    assert "FAILED: joint seed 0: FloatingPointError: ranking_loss is" in output
    assert "[1/1] joint seed 0: FAILED: FloatingPointError" in told


def test_synthetic_is_marked(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["-o", "dataset={name: movielens, config: latest-small}", "-o", "train.epochs=1"]
    words += ["--synthetic", "--scenario", "retrieval-only", "--seeds", "1"]
    assert main(["run", str(tiny), *words]) == 0
    assert "SYNTHETIC DATA in place of movielens (config=latest-small" in capsys.readouterr().out
    (path,) = (tmp_path / "results" / "tiny").glob("*.json")
    data = records.read(path)["data"]
    assert data["synthetic"]
    assert data["stands_in_for"] == "movielens (config=latest-small, candidate=title)"
    assert (data["num_queries"], data["num_candidates"]) == (610, 9742)


def test_plugins(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    monkeypatch.setenv("COLUMNS", "100")
    assert [line.split()[:2] for line in lines[1:]] == [[c.kind, c.name] for c, _ in installed()]
    assert main(["plugins", "weighting"]) == 0
    assert capsys.readouterr().out.count("mtbench 0") == 2
    assert main(["plugins", "weighting", "uncertainty"]) == 0
    output = capsys.readouterr().out
    assert (
        "learning_rate         number > 0 or none  None     Learning rate of s; default: that of"
        in output
    )
    assert f"(mtbench {__version__})" in output
    assert main(["plugins", "task", "retrieval"]) == 0
    assert "integer ≥ 1 or none" in capsys.readouterr().out


def test_standard_output_is_the_report_only(tiny, tmp_path):
    words = ["run", str(tiny), "--format", "csv", "--seeds", "1", "--scenario", "joint"]
    command = [sys.executable, "-m", "mtbench.cli", *words, "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["name"] for row in rows if row["kind"] == "scenario"} == {"joint"}
    # what it tells on the way is ours alone: nothing of TensorFlow's
    (line,) = done.stderr.splitlines()
    assert line.startswith("[1/1] joint seed 0: ranking/rmse ")


def test_version_and_help(capsys):
    for words, expected in (
        (["--version"], f"mtbench {__version__}\n"),
        (["--help"], "usage: mtbench"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith(expected)


def test_report_order_is_that_of_the_suite(done, tiny, capsys):
    registry = installed()
    suite = load_suite(tiny, registry)
    assert main(["run", str(tiny), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in summary["scenarios"]] == list(suite.scenarios)
    assert len(make_plan(suite, registry)) == 6
