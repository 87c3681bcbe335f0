"""What a folder of results speaks of: what was last asked for, or the version that is named."""

import json

import pytest
from made import as_json, baseline, record, write

from mtbench.cli.main import main
from mtbench.errors import RecordError
from mtbench.records import asked, tables
from mtbench.records.results import Results

LONG = {"answer__train__epochs": 30}


@pytest.fixture
def folder(tmp_path):
    """Three epochs of two scenarios, then thirty of both: what is there after two commands."""
    made = [record(name, seed) for name in ("joint", "single") for seed in (0, 1)]
    later = [
        record(name, seed, run_id=f"long-{name}-{seed}", started="2026-06-01T12:00:00", **LONG)
        for name in ("joint", "single")
        for seed in (0, 1)
    ]
    write(tmp_path / "r", [*made, *later])
    return tmp_path / "r"


def version(*records):
    return asked.version_of(records)


def epochs(folder):
    """By scenario the epochs of the runs that count."""
    records = Results.read(str(folder)).records
    return {r.scenario: r.answer.train["epochs"] for r in records}


def test_what_is_asked_for_again_counts_though_all_of_it_is_done(folder):
    short, long = record("joint", 0), record("joint", 0, **LONG)
    assert epochs(folder) == {"joint": 30, "single": 30}  # by their starts
    for runs, expected in (([short], 3), ([long], 30), ([short], 3)):
        asked.note(
            folder, version(*runs, *(r.model_copy(update={"scenario": "single"}) for r in runs))
        )
        assert epochs(folder) == {"joint": expected, "single": expected}
    assert len(asked.noted(folder)) == 3
    assert len((folder / asked.FILE).read_text().splitlines()) == 3


def test_one_scenario_asked_for_leaves_the_others_what_they_were(folder):
    """As after `run -o train.epochs=30`, `run`, `run -o train.epochs=30 --scenario joint`."""
    asked.note(folder, version(record("joint", 0), record("single", 0)))
    asked.note(folder, version(record("joint", 0, **LONG)), whole=False)
    assert epochs(folder) == {"joint": 30, "single": 3}


def test_one_scenario_of_another_question_is_alone_and_the_rest_is_named(folder):
    other = record(
        "joint", 0, question_id="q9", run_id="other", question__split__options__test_share=0.3
    )
    write(folder, [other])
    asked.note(folder, version(other), whole=False)
    results = Results.read(folder)
    assert [r.run_id for r in results.records] == ["other"]
    (line,) = results.left_out
    told = "8 records of another version of the suite, data or software are left out: "
    assert line.startswith(f"{told}{folder}@")
    assert "4 runs: train.epochs 30, split.test_share 0.2, 2026-06-01 12:00)" in line
    names = [part.partition(" (")[0] for part in line.removeprefix(told).split("), ")]
    assert len(names) == 2
    assert [epochs(name)["single"] for name in names] == [30, 3]
    assert epochs(names[0][:-3]) == {"joint": 30, "single": 30}  # the start of its name does


def test_a_failed_try_of_another_version_does_not_hide_the_others(folder, capsys):
    failed = record(
        "joint", 0, status="failed", question_id="q9", run_id="f", started="2027-01-01T00:00:00"
    )
    write(folder, [failed])
    assert main(["gate", str(folder), str(folder)]) == 2
    said = capsys.readouterr().err
    assert f"{folder}: has no run that went well" in said
    named = said.rpartition("left out: ")[2].partition(" (")[0]
    assert main(["gate", named, named]) == 0
    asked.note(folder, version(record("joint", 0, **LONG), record("single", 0, **LONG)))
    assert main(["gate", str(folder), named]) == 0  # the failed try was not asked for last


def test_every_command_takes_the_same_version(folder, tmp_path, capsys):
    asked.note(folder, version(record("joint", 0), record("single", 0)))
    (line,) = Results.read(folder).left_out
    long = line.rpartition(": " + str(folder))[2].partition(" (")[0]
    for name, expected in ((folder, 3), (f"{folder}{long}", 30)):
        assert epochs(name)["joint"] == expected
        with pytest.warns(UserWarning, match="4 records of another version"):
            found = tables.load_runs(name)
        assert set(found.run_id.str.startswith("long")) == {expected == 30}
        assert len(tables.load_runs(name, every=True)) == 8
        assert main(["export", str(name), str(tmp_path / "x.csv"), "--runs"]) == 0
        assert ("long-joint" in (tmp_path / "x.csv").read_text()) == (expected == 30)
        assert main(["report", str(name), "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)
    assert main(["compare", str(folder), f"{folder}{long}", "--anyway"]) == 0
    assert "train.epochs" in capsys.readouterr().out


def test_a_version_that_is_not_there(folder):
    with pytest.raises(RecordError, match=r"r: expected the name of a version, found 'zz'"):
        Results.read(folder.parent / f"{folder.name}@zz")
    with pytest.raises(RecordError, match="found '': "):
        Results.read(folder.parent / f"{folder.name}@")
    (folder.parent / "a@b").mkdir()
    write(folder.parent / "a@b", [record("joint", 0)])
    assert epochs(folder.parent / "a@b") == {"joint": 3}


def test_what_was_asked_for_and_left_nothing_does_not_count(folder):
    gone = version(record("joint", 0, question_id="q7"))
    asked.note(folder, version(record("joint", 0)))
    asked.note(folder, gone)
    assert epochs(folder)["joint"] == 3
    (folder / asked.FILE).write_text((folder / asked.FILE).read_text()[:-40])
    assert epochs(folder)["joint"] == 3  # a line that was cut short


def test_a_plan_and_its_records_are_of_one_version():
    """The digest of an answer is that of the plan's, which is no record yet."""
    for made in (record("joint", 0), baseline("ease", 0)):
        planned = as_json(made)["answer"]

        class Planned:
            scenario, question_id, answer = made.scenario, made.question_id, planned

        assert asked.version_of([Planned]).allows(made)
        assert asked.version_of([Planned]).name == asked.version_of([made]).name
