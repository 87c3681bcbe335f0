"""Results of older versions: everything that reads results reads them, and says so once."""

import copy
import json

import made
import older
import pytest

from mtbench.cli.main import main
from mtbench.errors import RecordError
from mtbench.records import store
from mtbench.records.results import Results
from mtbench.records.series import from_json, load
from mtbench.records.tables import load_results, load_runs
from mtbench.regress.compare import compare, to_text
from mtbench.regress.gate import gate
from mtbench.report.page.page import page

NOTE = "6 records of an older form were read as such"


@pytest.fixture
def folder(tmp_path):
    """Two scenarios with three seeds each."""
    records = [older.of_schema_1("joint", seed, 1 + seed / 100) for seed in range(3)]
    records += [older.of_schema_1("alone", seed, 1.1, ["ranking"]) for seed in range(3)]
    return older.write(tmp_path / "old", records)


def test_its_protocol_becomes_a_question_and_an_answer(folder):
    record = store.read(folder / "joint-2.json")
    assert (record.schema_version, record.upgraded, record.question_id) == (2, True, "p1")
    question, answer = record.question, record.answer
    assert (question.dataset.name, question.split.options) == ("movies", {"test_share": 0.2})
    assert (question.evaluate_on, question.engine.threads) == ("test", 2)
    assert question.engine.versions == {"mtbench": "0.0.9", "tensorflow": "2.21.0"}
    assert list(question.tasks) == list(answer.tasks) == ["retrieval", "ranking"]
    assert question.tasks["ranking"].options == {"units": [64]}
    assert answer.tasks["ranking"].origin.sha256 == older.HEX
    assert answer.trained_tasks == ("ranking", "retrieval")
    assert answer.weighting.options == {"weights": {"retrieval": 10.0}}
    assert (answer.train["epochs"], answer.towers["query"].name) == (3, "embedding")
    assert record.metrics["ranking"] == {"rmse": 1.02}
    assert record.curve == ({"epoch": 1, "ranking_loss": 0.5},)
    store.write(folder, record)
    again = store.read(folder / "joint-2.json")
    assert not again.upgraded
    assert again == record.model_copy(update={"upgraded": False, "files": {}})


def test_the_report_reads_them_and_says_so_once(folder, capsys):
    assert main(["report", str(folder), "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["notes"] == [NOTE]
    rows = {row["name"]: row["metrics"]["ranking/rmse"] for row in summary["scenarios"]}
    assert {name: row["n"] for name, row in rows.items()} == {"joint": 3, "alone": 3}
    assert rows["joint"]["mean"] == pytest.approx(1.01)
    assert main(["report", str(folder), "--format", "csv"]) == 0
    assert capsys.readouterr().err == f"mtbench: warning: {NOTE}\n"


def test_the_page_reads_them_and_says_so_once(folder):
    pytest.importorskip("matplotlib")
    text = page(Results.read(folder))
    assert text.count(NOTE) == 1
    assert "6 of 6 runs went well" in text


def test_compare_and_gate_read_them_and_say_so_once_for_each_folder(folder):
    lines = to_text(compare(folder, folder)).splitlines()
    assert [line for line in lines if "older form" in line] == [f"{folder}: {NOTE}"] * 2
    assert any("joint: ranking/rmse ↓: 1.010 → 1.010" in line for line in lines)
    outcome = gate(folder, folder)
    assert outcome.exit_code == 0
    assert outcome.to_text().count("older form") == 2


def test_they_compare_with_those_of_today(folder, tmp_path):
    """Of the same question: what only one form says, such as the code of the core, may differ."""
    today = [
        made.changed(store.read(path), question__engine__code="f" * 64, question_id="q1")
        for path in folder.glob("*.json")
    ]
    new = made.write(tmp_path / "new", today)
    found = compare(folder, new)
    assert found.mark == ""
    assert found.differences["code"] == {"engine.code": (None, "f" * 64)}
    assert not any(found.differences[name] for name in ("suite", "engine", "environment", "data"))
    lines = to_text(found).splitlines()
    assert [line for line in lines if "older form" in line] == [f"{folder}: {NOTE}"]


def test_export_and_frames_read_them_and_say_so_once(folder, tmp_path, capsys):
    pytest.importorskip("pandas")
    for words in ([], ["--every"], ["--runs"]):
        assert main(["export", str(folder), str(tmp_path / "x.csv"), *words]) == 0
        assert capsys.readouterr().err == f"mtbench: warning: {NOTE}\n"
    for read in (load_results, load_runs):
        with pytest.warns(UserWarning, match="older form") as warned:
            frame = read(folder)
        assert [str(w.message) for w in warned] == [NOTE]
        assert set(frame.question_id) == {"p1"}


def test_among_those_of_today_they_are_of_another_question(folder):
    """Their question held towers and training too; the newest counts."""
    made.write(folder, [made.record("joint", 9)])
    results = Results.read(folder)
    assert [record.seed for record in results.records] == [9]
    (told,) = results.left_out
    assert told.startswith(
        "6 records of another version of the suite, data or software are left out: "
    )
    assert results.notes == (NOTE,)


def test_one_is_one(folder):
    for path in sorted(folder.glob("*.json"))[1:]:
        path.unlink()
    assert Results.read(folder).notes == ("1 record of an older form was read as such",)


def test_a_run_of_an_older_form_is_done(folder):
    assert store.done(folder, "joint-0").scenario == "joint"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"protocol": None}, "protocol: expected a mapping of keys to values, found nothing"),
        ({"protocol": 1.5}, "protocol: expected a mapping of keys to values, found 1.5"),
        (
            {"protocol__engine__threads": "2"},
            "protocol.engine.threads: expected an integer, found '2'",
        ),
        ({"protocol__task_order": ["gone"]}, "KeyError: 'gone'"),
        ({"trained_tasks": 3}, "trained_tasks: expected a list, found 3"),
        ({"protocol_id": 3}, "protocol_id: expected text, found 3"),
    ],
)
def test_what_is_wrong_is_said_by_its_key_of_then(tmp_path, changes, fault):
    older.write(tmp_path, [made.put(older.of_schema_1("joint", 0), **changes)])
    with pytest.raises(RecordError) as caught:
        store.read(tmp_path / "joint-0.json")
    path = tmp_path / "joint-0.json"
    assert str(caught.value) == f"{path}: is not the record of a run: {fault}"


@pytest.mark.parametrize(
    "key",
    [
        *("protocol", "protocol_id", "trained_tasks", "weighting", "metrics", "data"),
        *("protocol.engine", "protocol.towers", "protocol.tasks", "protocol.train"),
        "protocol.dataset.name",
    ],
)
def test_what_it_lacks_is_one_line(tmp_path, key):
    record = copy.deepcopy(older.of_schema_1("joint", 0))
    *above, last = key.split(".")
    node = record
    for part in above:
        node = node[part]
    del node[last]
    older.write(tmp_path, [record])
    with pytest.raises(RecordError) as caught:
        store.read(tmp_path / "joint-0.json")
    path = tmp_path / "joint-0.json"
    assert str(caught.value) == f"{path}: is not the record of a run: it lacks {key}"


def test_a_baseline_of_then_is_read(folder):
    """What pytest-benchmark's JSON has kept: a protocol, and of each scenario a definition."""
    now = load(folder)
    value = now.to_json()
    then = {key: value[key] for key in value if key not in ("question", "notes")}
    then["protocol"] = older.PROTOCOL
    then["environment"]["threads"] = 2
    for series in then["series"].values():
        answer = series.pop("answer")
        series["definition"] = {
            "tasks": answer["trained_tasks"],
            "weighting": answer["weighting"],
        }
    found = from_json(json.loads(json.dumps(then)), "here")
    assert found.question == now.question
    assert found.series == now.series
    assert (found.environment, found.data) == (now.environment, now.data)
    del then["series"]["joint"]["definition"]
    with pytest.raises(RecordError, match=r"^here: is not what mtbench measured: it lacks 'def"):
        from_json(then, "here")
