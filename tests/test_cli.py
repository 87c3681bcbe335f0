"""The command line, as a user sees it."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import made
import pytest

from mtbench import __version__
from mtbench.cli.main import main
from mtbench.plugin.kinds import KINDS
from mtbench.plugin.registry import installed
from mtbench.records import store as records

pytestmark = pytest.mark.usefixtures("traced")
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def results(tmp_path_factory, tiny_text):
    """The results of the small suite, run once."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "tiny.yaml").write_text(tiny_text)
    words = ["run", str(folder / "tiny.yaml"), "--results", str(folder / "results")]
    assert main(words) == 0
    return folder / "results"


@pytest.fixture
def done(results, tmp_path, monkeypatch):
    """A copy of these results, in `results/tiny`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results" / "tiny"


def test_check_and_plan(done, tiny, capsys):
    assert main(["check", str(tiny)]) == 0
    assert capsys.readouterr().out == f"{tiny}: valid; 3 scenarios × 2 seeds = 6 runs\n"
    assert main(["plan", str(tiny), "--seeds", "3"]) == 0
    *lines, time = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["done", "done", "to do"] * 3 + [
        "9 runs, 6 done in results/tiny"
    ]
    assert re.fullmatch(r"about \d+ s to go, by the 6 runs measured here", time)
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
    changed = [path for path in done.glob("*.json") if path.stat().st_mtime_ns != before[path]]
    assert [records.read(path).scenario for path in changed] == ["joint"]


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


@pytest.mark.thorough
def test_synthetic_is_marked(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["-o", "dataset={name: movielens, config: latest-small}", "-o", "train.epochs=1"]
    words += ["--synthetic", "--scenario", "retrieval-only", "--seeds", "1"]
    assert main(["run", str(tiny), *words]) == 0
    assert "SYNTHETIC DATA in place of movielens (config=latest-small" in capsys.readouterr().out
    (path,) = (tmp_path / "results" / "tiny").glob("*.json")
    record = records.read(path)
    assert record.data.synthetic
    stands_in_for = "movielens (config=latest-small, candidate=title)"
    assert record.question.stands_in_for == stands_in_for
    assert (record.data.num_queries, record.data.num_candidates) == (610, 9742)


def test_plugins(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    monkeypatch.setenv("COLUMNS", "100")
    assert [line.split()[:2] for line in lines[1:]] == [[c.kind, c.name] for c, _ in installed()]
    assert main(["plugins", "weighting"]) == 0
    assert capsys.readouterr().out.count("mtbench 0") == 38
    assert main(["plugins", "weighting", "uncertainty"]) == 0
    output = capsys.readouterr().out
    assert (
        "learning_rate         number > 0 or none    None     Learning rate of s; default: that of"
        in output
    )
    assert f"(mtbench {__version__})" in output
    assert main(["plugins", "task", "retrieval"]) == 0
    assert "integer ≥ 1 or none" in capsys.readouterr().out


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
    suite, plan, _ = made.planned(tiny)
    assert main(["run", str(tiny), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in summary["scenarios"]] == list(suite.scenarios)
    assert len(plan) == 6


def fake(folder, run, **changes):
    """Put a record of a run there."""
    made.write(folder, [made.record(run.scenario, run.seed, run_id=run.id, **changes)])


def test_plan_without_results(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", str(tiny), "--scenario", "joint"]) == 0
    runs = made.plan_of(tiny, scenarios=["joint"])
    assert capsys.readouterr().out == (
        f"to do  {runs[0].id}  joint  seed 0\n"
        f"to do  {runs[1].id}  joint  seed 1\n"
        "2 runs, 0 done in results/tiny\n"
        "how long they take is not measured yet\n"
    )
    assert not (tmp_path / "results").exists()


def test_plan_knows_what_is_done(tiny, tmp_path, monkeypatch, capsys):
    """A record of a run that failed, of another version or damaged is to do again."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "here" / "tiny"
    runs = made.plan_of(tiny)
    fake(folder, runs[0])
    fake(folder, runs[1], status="failed")
    fake(folder, runs[2])
    path = records.path_of(folder, runs[2].id)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 0}))
    records.path_of(folder, runs[3].id).write_text("{")
    assert main(["plan", str(tiny), "--results", "here"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        *(
            f"{'done ' if run is runs[0] else 'to do'}  {run.id}  {run.scenario}  seed {run.seed}"
            for run in runs
        ),
        "6 runs, 1 done in here/tiny",
        "about 10 s to go, by the 1 run measured here",
    ]


def test_a_failed_run_is_done_again(done, tiny, capsys):
    path = next(done.glob("*.json"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "status": "failed", "error": {"type": "X"}}))
    assert main(["run", str(tiny), "--format", "csv"]) == 0
    told = capsys.readouterr().err
    assert "5 of 6 runs are done already (--force does them again)" in told
    again = json.loads(path.read_text())
    assert (again["status"], again["metrics"]) == ("ok", record["metrics"])


def test_check_counts(tiny, capsys):
    for words, expected in (
        ([], "3 scenarios × 2 seeds = 6 runs"),
        (["--seeds", "3,4,3,9"], "3 scenarios × 3 seeds = 9 runs"),
        (["-o", "scenarios.more={tasks: [ranking]}"], "4 scenarios × 2 seeds = 8 runs"),
    ):
        assert main(["check", str(tiny), *words]) == 0
        output, told = capsys.readouterr()
        assert (output, told) == (f"{tiny}: valid; {expected}\n", "")


def test_check_wants_no_data(tiny, tmp_path, monkeypatch, capsys):
    """What is checked is the suite; the data may be on another machine."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "empty"))
    assert main(["check", str(tiny), "-o", "dataset=movielens"]) == 0
    assert not (tmp_path / "empty").exists()


def test_report_on_good_and_damaged_records(done, capsys):
    for name, text in {
        "a.json": "{",
        "b.json": "[1]",
        "c.json": '{"schema_version": 1}',
        "d.json": '{"schema_version": 99}',
        "notes.txt": "not looked at",
    }.items():
        (done / name).write_text(text)
    (done / "e.json").write_bytes(b"\xff")
    assert main(["report", str(done), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert len(summary["scenarios"]) == 3
    damaged = [note for note in summary["notes"] if ".json: " in note]
    assert [note.removeprefix(f"{done}/") for note in damaged] == [
        "a.json: expected JSON, found a damaged file",
        "b.json: expected schema_version 2, found None",
        (
            "c.json: is not the record of a run: it lacks environment, error, peak_memory_bytes, "
            "protocol, protocol_id, run_id, scenario, seed, started, status, suite, timings, "
            "trained_tasks, weighting"
        ),
        "d.json: expected schema_version 2, found 99",
        "e.json: expected JSON, found a damaged file",
    ]
    assert main(["report", str(done), "--format", "csv"]) == 0
    assert capsys.readouterr().err.splitlines() == [f"mtbench: warning: {line}" for line in damaged]


@pytest.mark.parametrize("key", ["metrics", "floors", "timings", "answer", "question"])
def test_report_on_a_record_that_lacks_what_an_ok_one_has(done, capsys, key):
    """It is named like a damaged one, and the others are reported."""
    path = min(done.glob("*.json"))
    record = json.loads(path.read_text())
    del record[key], record["checksum"]
    path.write_text(json.dumps(record))
    assert main(["report", str(done), "--format", "json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any(path.name in note and key in note for note in notes)


def test_report_on_damaged_records_only(tmp_path, capsys):
    (tmp_path / "a.json").write_text("{")
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"mtbench: {tmp_path}: has no record of a run",
        f"mtbench: {tmp_path}/a.json: expected JSON, found a damaged file",
    ]


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_a_pipe_gets_no_escape_codes(done, capsys, form):
    assert main(["report", str(done), "--format", form]) == 0
    output, told = capsys.readouterr()
    assert output.strip()
    assert (told, "\x1b" in output) == ("", False)


@pytest.mark.parametrize("variable", [None, "NO_COLOR"])
def test_colours_of_a_terminal(done, monkeypatch, capsys, variable):
    """NO_COLOR is no colour; without it a terminal has some."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    assert main(["report", str(done)]) == 0
    output = capsys.readouterr().out
    assert ("\x1b[31m" in output or "\x1b[32m" in output) == (variable is None)


def test_a_golden_component(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["plugins", "weighting", "uncertainty"]) == 0
    output = capsys.readouterr().out.replace(f"mtbench {__version__}", "mtbench VERSION")
    text = "\n".join(line.rstrip() for line in output.splitlines()) + "\n"
    path = GOLDEN / "plugins_weighting_uncertainty.txt"
    if os.environ.get("MTBENCH_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.thorough
def test_every_component_can_be_shown(registry, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    for cls, origin in registry:
        assert main(["plugins", cls.kind, cls.name]) == 0
        output = capsys.readouterr().out
        assert output.startswith(f"{cls.kind} {cls.name}  ({origin})\n")
        rows = [line.split()[0] for line in output.splitlines() if line.strip()]
        assert set(cls.model_fields) <= set(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_plugins_of_a_kind(registry, capsys, monkeypatch, kind):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["plugins", kind]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = [cls.name for cls, _ in registry if cls.kind == kind]
    assert [line.split()[:2] for line in lines[1:]] == [[kind, name] for name in expected]


def test_an_option_with_a_default_that_is_made(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import mtbench, pydantic\nclass Mine(mtbench.LossWeighting):\n    name = 'mine'\n"
        "    powers: list[float] = pydantic.Field(default_factory=list)\n"
        "@mtbench.hookimpl\ndef mtbench_weightings():\n    return [Mine]\n"
    )
    assert main(["plugins", "weighting", "mine", "-p", str(tmp_path / "mine.py")]) == 0
    assert "powers" in capsys.readouterr().out


def test_plugins_names_what_failed_to_load(tmp_path, monkeypatch, capsys):
    info = tmp_path / "broken-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[mtbench]\nbad = broken_plugin_of_cli\n")
    (tmp_path / "broken_plugin_of_cli.py").write_text("raise OSError('[red] no luck')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["plugins"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "plugin bad (broken) failed to load: OSError: [red] no luck"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run"], ["SUITE", "--seeds", "--synthetic", "--scenario", "--results", "--force"]),
        (["check"], ["SUITE", "-o", "-p", "--synthetic"]),
        (["plan"], ["SUITE", "--scenario", "--results"]),
        (["schema"], ["-p"]),
        (["plugins"], ["kind", "name", "-p"]),
        (["report"], ["DIR", "--format"]),
        (["list"], ["RESULTS"]),
        (["show"], ["RUN", "--results", "--json"]),
        (["compare"], ["A", "B", "--scenario", "--anyway", "--all"]),
        (["clean"], ["RESULTS", "--older-versions", "--cache", "--yes"]),
        (["new"], ["plugin", "suite"]),
        (["new", "plugin"], ["KIND", "FILE"]),
        (["new", "suite"], ["FILE", "--data"]),
        (["doctor"], ["--tensorflow", "--data-dir"]),
        (["data"], ["import"]),
        (["data", "import"], ["ARCHIVE", "--data-dir"]),
    ],
    ids=" ".join,
)
def test_help_of_every_command(words, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0
    output = capsys.readouterr().out
    assert output.startswith(f"usage: mtbench {' '.join(words)}")
    assert not [word for word in told if word not in output]


def test_data_dir_is_where_the_data_is_looked_for(tiny, registry, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", "elsewhere")
    monkeypatch.setattr(registry.find("dataset", "movielens"), "_in_reach", lambda self: False)
    words = ["run", str(tiny), "-o", "dataset=movielens", "--data-dir", "here"]
    assert main(words) == 2
    assert "movielens/100k is not prepared in here, and" in capsys.readouterr().err
