"""What was run before: listed, shown, and removed where it is of an older version."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from made import baseline, record, write

from mtbench.cli.main import main
from mtbench.cli.recall import seeds_text, size_text
from mtbench.data import store as data_store
from mtbench.data.store import load_data
from mtbench.plugin.registry import installed
from mtbench.records import store
from mtbench.records.cleaning import Leaving
from mtbench.records.record import Record

OLD = {"answer__towers__query__options__embedding_dim": 8, "started": "2025-01-01T00:00:00"}
"""What a record of an older version has."""


def older(scenario, seed, **changes):
    return record(scenario, seed, run_id=f"old-{scenario}-{seed}", **OLD, **changes)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def results():
    """A suite with two versions and trials, and another suite."""
    made = [record(name, seed) for name in ("joint", "single") for seed in (0, 1, 2, 5)]
    made += [older("joint", seed) for seed in (0, 1)]
    made += [record("joint", 6, status="failed"), baseline("ease", 0)]
    write(Path("results/made"), made)
    asked = {"question__evaluate_on": "validation", "question_id": "q2"}
    trials = [record("joint", 0, run_id=f"t{n}", **asked) for n in range(3)]
    write(Path("results/made/trials"), trials)
    write(
        Path("results/deep/other"), [record("joint", 0, suite="other", started="2026-02-03T04:05")]
    )
    return Path("results")


def said(capsys, *words, code=0):
    assert main([*map(str, words)]) == code
    output, told = capsys.readouterr()
    return told.splitlines() if code else output


LISTED = """\
folder              suite  scenarios       runs                        seeds     newest (UTC)      versions
results/deep/other  other  1               1 done                      0         2026-02-03 04:05  1
results/made        made   2 + 1 baseline  9 done, 1 failed, 3 trials  0–2, 5–6  2026-01-01 00:00  2 (2 runs of older ones)
"""  # noqa: E501


def test_list(results, capsys):
    assert said(capsys, "list") == LISTED
    assert said(capsys, "list", "results/made").count("\n") == 2
    assert said(capsys, "list", "results/made", "results/deep").count("\n") == 3
    assert said(capsys, "list", "results", "results/made").count("\n") == 3


def test_list_says_which_files_are_no_records(results, capsys):
    (results / "made" / "x.json").write_text("{")
    assert main(["list"]) == 0
    told = "mtbench: warning: results/made/x.json: expected JSON, found a damaged file\n"
    assert capsys.readouterr().err == told


def test_list_of_trials_alone(results, capsys):
    write(Path("tuned/made/trials"), [record("joint", 0)])
    (line,) = said(capsys, "list", "tuned").splitlines()[1:]
    assert line.split() == ["tuned/made", "made", "0", "1", "trial"]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("nothing", "nothing: no such folder of results"),
        ("file", "file: is a file, expected a folder of results"),
        ("empty", "empty: has no record of a run"),
    ],
)
def test_list_of_nothing_is_one_line(capsys, word, line):
    Path("file").touch()
    Path("empty").mkdir()
    assert said(capsys, "list", word, code=2) == [f"mtbench: {line}"]


def test_versions_are_counted_by_scenario(capsys):
    """A scenario that was changed twice is of three versions; a run that failed is of no own."""
    third = {"answer__towers__query__options__embedding_dim": 9, "started": "2024"}
    made = [record("joint", 0), older("joint", 0), record("joint", 0, run_id="x", **third)]
    made += [record("joint", 1, status="failed"), older("single", 0)]
    write(Path("results/made"), made)
    assert said(capsys, "list").splitlines()[1].endswith("  3 (2 runs of older ones)")


def test_seeds_and_sizes_in_words():
    assert seeds_text([3, 0, 1, 2, 7, 9, 8, 7]) == "0–3, 7–9"
    assert seeds_text([4]) == "4"
    assert [size_text(n) for n in (0, 999, 1000, 2_345_678, 5e15)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "2.3 MB", "5000.0 TB"),
    ]


# --- show


SHOWN = """\
joint seed 1 of made: ok
run joint-1, 2026-01-01 00:00 UTC
record: results/made/joint-1.json
values by query: results/made/joint-1.6c6563734f29f9fc.npz

metrics
  ranking/rmse ↓     1.25
  ranking/mae ↓      1
  retrieval/top_5 ↑  0.5   floors: popularity 0.25

timings
  import_s                 2
  data_s                   0.5
  build_s                  0.25
  trace_s                  1
  train_s                  3
  validate_s               0
  train_examples_per_s     1,000
  step_s                   0.001
  reference_s              0.001
  step_per_reference       1
  evaluate_s               0.125
  evaluate_examples_per_s  500
  run_s                    2
  cpu_s                    3
  step_cpu_s               0.002
  peak memory              1.0 GB
  parameters               1,234

environment
  mtbench                  0.1.0
  tensorflow               2.21.0
  tf-keras                 2.21.0
  tensorflow-recommenders  0.7.7
  numpy                    2.0.0
  threads                  2
  device                   cpu
  python                   3.11.0
  platform                 Linux
  cpu                      a CPU
  data                     movies, fingerprint 0123456789ab

setup
  name: made
  dataset: {name: movies, size: 100k}
  split: {name: random, test_share: 0.2}
  towers:
    query: {name: embedding, embedding_dim: 32}
    candidate: {name: embedding, embedding_dim: 32}
  tasks:
    ranking:
      name: ranking
      units: [64, 32]
    retrieval: {name: retrieval, temperature: 1.0}
  scenarios:
    joint:
      tasks: [ranking, retrieval]
      weighting:
        name: fixed
        weights: {retrieval: 10.0}
  train:
    epochs: 3
    batch_size: 64
    optimizer: {name: adam, learning_rate: 0.01}
  evaluate_on: test
  seeds: [1]
"""


def test_show(capsys):
    floors = {"ranking": {}, "retrieval": {"popularity": {"top_5": 0.25}}}
    run = record("joint", 1, rmse=1.25, floors=floors)
    folder = write(Path("results/made"), [record("joint", 0)])
    run = store.write(folder, run, {"ranking/rmse": np.ones(3)})
    assert said(capsys, "show", "joint:1") == SHOWN
    assert said(capsys, "show", "joint-1") == SHOWN
    assert said(capsys, "show", "joint:1", "--results", "results/made") == SHOWN
    assert said(capsys, "show", "results/made/joint-1.json") == SHOWN
    text = said(capsys, "show", "joint:1", "--json")
    assert text == Path("results/made/joint-1.json").read_text()
    assert Record.of(json.loads(text)) == run


def test_show_a_run_that_failed(results, capsys):
    text = said(capsys, "show", "joint:6")
    assert text.startswith("joint seed 6 of made: failed\n")
    assert "\nValueError: on purpose\n  Traceback (most recent call last):\n" in text
    assert "\nmetrics\n" not in text


def test_show_a_trial_and_an_older_version_by_id(results, capsys):
    assert "record: results/made/trials/t1.json" in said(capsys, "show", "t1")
    assert "embedding_dim: 8" in said(capsys, "show", "old-joint-1")
    assert "embedding_dim: 8" not in said(capsys, "show", "--results", "results/made", "joint:1")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("jiont:1", ("no run 'jiont:1'; expected the start of an id, or SCENARIO:SEED "
         "(did you mean 'joint'?)")),
        ("singel", ("no run 'singel'; expected the start of an id, or SCENARIO:SEED "
         "(did you mean 'single'?)")),
        ("joint", "expected SCENARIO:SEED with a seed of 'joint' (0, 1, 2, 5, 6), found 'joint'"),
        ("joint:9", ("expected SCENARIO:SEED with a seed of 'joint' (0, 1, 2, 5, 6), found "
         "'joint:9'")),
    ],
)  # fmt: skip
def test_an_unknown_run_is_one_line(results, capsys, text, line):
    if text == "joint":  # the start of ids, too, which real ids never are
        for path in results.glob("**/*joint*.json"):
            made = json.loads(path.read_text()) | {"run_id": f"f{path.stem[::-1]}"}
            del made["checksum"]
            (path.parent / f"{made['run_id']}.json").write_text(json.dumps(made))
            path.unlink()
    assert said(capsys, "show", text, code=2) == [f"mtbench: results: {line}"]


def test_an_ambiguous_run_is_one_line(results, capsys):
    assert said(capsys, "show", "old", code=2) == [
        (
            "mtbench: expected one run, found 2 of 'old': results/made/old-joint-0 (joint seed 0), "
            "results/made/old-joint-1 (joint seed 1)"
        )
    ]
    assert said(capsys, "show", "joint:0", code=2) == [
        (
            "mtbench: expected one run, found 2 of 'joint:0': results/deep/other/joint-0 (joint "
            "seed 0), results/made/joint-0 (joint seed 0)"
        )
    ]
    (line,) = said(capsys, "show", "joint-", code=2)
    assert line.endswith(
        "results/made/joint-2 (joint seed 2), results/made/joint-5 (joint seed 5) and 1 more"
    )
    assert said(capsys, "show", "x", "--results", "no", code=2) == [
        "mtbench: no: no such folder of results"
    ]


# --- the folder that `--results` names


def test_the_folder_above_stands_for_the_only_suite_in_it(results, capsys):
    alone = results / "deep"
    for words in (["report", alone], ["compare", alone, alone / "other"], ["gate", alone, alone]):
        said(capsys, *words)
    said(capsys, "export", alone, "x.csv")
    write(alone / "more", [record("joint", 0)])
    line = (
        "mtbench: results/deep: expected the results of one suite, found several: "
        "results/deep/more, results/deep/other"
    )
    assert said(capsys, "report", alone, code=2) == [line]
    assert said(capsys, "export", alone, "y.csv", code=2) == [line]
    assert not Path("y.csv").exists()


# --- clean


def names(folder):
    """Names of the files, without the digests in them."""
    there = (path.name for path in Path(folder).iterdir() if path.is_file())
    return {re.sub(r"\.[0-9a-f]{16}\.npz$", ".npz", name) for name in there}


def beside(folder, run_id, *suffixes):
    for suffix in suffixes:
        (folder / f"{run_id}{suffix}").write_bytes(b"x" * 1000)


@pytest.fixture
def made(results):
    folder = results / "made"
    arrays = {"x": np.arange(250)}
    for run_id in ("old-joint-0", "joint-0"):
        store.write(folder, store.read(store.path_of(folder, run_id)), arrays, arrays)
    return folder


OLDER = {f"old-joint-{seed}.json" for seed in (0, 1)} | {
    "old-joint-0.npz",
    "old-joint-0.weights.npz",
}


def test_clean_lists_and_wants_a_yes(made, capsys, monkeypatch):
    before = names(made)
    sizes = [path.stat().st_size for path in made.glob("old-joint-?.*")]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert main(["clean", "results", "--older-versions"]) == 2
    output, told = capsys.readouterr()
    total = size_text(sum(sizes))
    assert output == f"results/made\n  joint, 2 runs  2025-01-01 00:00  {total}\n{total} in all\n"
    assert told == (
        "mtbench: nothing was removed, since nobody can be asked; write mtbench clean results "
        "--older-versions --yes\n"
    )
    assert names(made) == before


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_clean_asks_on_a_terminal(made, capsys, monkeypatch, answer):
    before = names(made)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: answer)
    text = said(capsys, "clean", "results/made", "--older-versions")
    assert names(made) == (before - OLDER if answer == "y" else before)
    assert text.splitlines()[-1] == ("removed" if answer == "y" else "nothing was removed")


def test_clean_takes_what_belongs_to_older_versions(made, capsys):
    before, report = names(made), said(capsys, "report", made, "--format", "csv")
    said(capsys, "clean", "results", "--older-versions", "--yes")
    assert before - names(made) == OLDER
    assert len(names(made / "trials")) == 3
    assert said(capsys, "report", made, "--format", "csv") == report
    assert said(capsys, "clean", "results", "--older-versions", "--yes") == (
        "there is nothing to remove\n"
    )


def test_clean_takes_trials_that_ask_another_question(made, capsys):
    other = {"question__split__options__test_share": 0.3, "question_id": "q9"}
    trials = made / "trials"
    write(trials, [record("joint", 0, run_id="gone", started="2024", **other)])
    beside(trials, "gone", ".npz")
    # those of a study that goes on, of which there is no run yet, stay
    newest = {"question__split__options__test_share": 0.4, "question_id": "q10"}
    write(trials, [record("joint", 0, run_id="new", started="2026-03", **newest)])
    text = said(capsys, "clean", made, "--older-versions", "--yes")
    assert "results/made/trials\n  trials, 1 record  2024" in text
    assert names(trials) == {"t0.json", "t1.json", "t2.json", "new.json"}


def test_clean_leaves_what_is_no_record_of_the_suite(made, capsys):
    (made / "damaged.json").write_text("{")
    (made / "notes.txt").write_text("mine")
    write(made, [record("joint", 0, suite="stray", run_id="stray")])
    said(capsys, "clean", made, "--older-versions", "--yes")
    assert {"damaged.json", "notes.txt", "stray.json"} <= names(made)


@pytest.mark.parametrize("stop", range(4))
def test_clean_that_is_interrupted_leaves_whole_runs(made, capsys, monkeypatch, stop):
    """After any number of files a record that is there has all that belongs to it."""
    report = said(capsys, "report", made, "--format", "csv")
    unlink, done = Path.unlink, []

    def stopping(path, missing_ok=False):
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(path)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stopping)
        assert main(["clean", "results", "--older-versions", "--yes"]) == 130
    capsys.readouterr()
    there = names(made)
    if "old-joint-0.json" in there:
        assert {"old-joint-0.npz", "old-joint-0.weights.npz"} <= there
    assert len(OLDER & there) == len(OLDER) - stop
    assert said(capsys, "report", made, "--format", "csv") == report
    for path in made.glob("*.npz"):  # of long ago, as they would be
        os.utime(path, (0, 0))
    said(capsys, "clean", "results", "--older-versions", "--yes")
    assert not OLDER & names(made)
    assert {"joint-0.npz", "joint-0.weights.npz"} <= names(made)


def test_clean_leaves_what_is_about_to_get_its_record(made, capsys):
    beside(made, "newrun", ".npz")
    later = (made / "joint-0.json").stat().st_mtime + 60
    os.utime(made / "newrun.npz", (later, later))
    said(capsys, "clean", made, "--older-versions", "--yes")
    assert "newrun.npz" in names(made)


def test_a_file_that_cannot_be_removed_is_one_line(made, capsys, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        told = said(capsys, "clean", made, "--older-versions", "--yes", code=2)
    assert told == [f"mtbench: {made}/old-joint-0.json: cannot be removed: permission denied"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["results"], "expected what to remove: --older-versions of RESULTS, or --cache"),
        ([], "expected what to remove: --older-versions of RESULTS, or --cache"),
        (["--older-versions"], ("expected folders of results with --older-versions, such as "
         "mtbench clean results --older-versions")),
        (["results", "--cache"], ("expected folders of results with --older-versions, such as "
         "mtbench clean results --older-versions")),
        (["nowhere", "--older-versions"], "nowhere: no such folder of results"),
    ],
)  # fmt: skip
def test_clean_of_nothing_is_one_line(made, capsys, words, line):
    assert said(capsys, "clean", *words, "--yes", code=2) == [f"mtbench: {line}"]


def test_clean_the_cache(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MTBENCH_CACHE_DIR", str(tmp_path / "cache"))
    assert said(capsys, "clean", "--cache", "--yes") == "there is nothing to remove\n"
    registry = installed()
    dataset = registry.find("dataset", "synthetic")(num_users=20, num_items=30, num_ratings=100)
    data = load_data(dataset, registry.identity(dataset))
    (entry,) = data_store.cached()
    half = entry.place.with_name("abc.half")
    half.mkdir()
    fresh = entry.place.with_name("abd.half")
    fresh.mkdir()
    os.utime(half, (0, 0))
    text = said(capsys, "clean", "--cache", "--yes")
    assert text.splitlines()[0] == str(tmp_path / "cache" / "data")
    assert [line.split("  ")[1] for line in text.splitlines()[1:3]] == [
        *(("damaged, or half-written", "synthetic") if half < entry.place
          else ("synthetic", "damaged, or half-written")),
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "cache" / "data").iterdir()] == ["abd.half"]
    assert load_data(dataset, registry.identity(dataset)).fingerprint == data.fingerprint


def test_what_is_leaving_goes_record_first(made):
    leaving = Leaving(made, "x", "", tuple(store.files_of(made, store.read(made / "joint-0.json"))))
    assert [path.suffixes[-1] for path in leaving.files] == [".json", ".npz", ".npz"]
    assert leaving.size == sum(path.stat().st_size for path in leaving.files)
