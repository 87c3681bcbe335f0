"""From Python: a suite run, its results asked, a saved model loaded."""

import hashlib
import json
import math
import shutil

import numpy as np
import pytest
import yaml

import mtbench
from mtbench.cli.main import main
from mtbench.metrics import Seen
from mtbench.plugin.view import TestView

pytestmark = pytest.mark.usefixtures("traced")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def document(tiny_text):
    return yaml.safe_load(tiny_text)


@pytest.fixture(scope="module")
def results(document, folder):
    overrides = {"train.epochs": 1, "tasks.ranking.clip_predictions": True}
    return mtbench.run(
        document, overrides=overrides, seeds=3, results=folder, progress=False, save_models=True
    )


@pytest.mark.thorough
def test_a_mapping_runs_and_is_stored_as_a_file_would_be(results, folder, tiny, capsys):
    assert isinstance(results, mtbench.Results)
    assert [len(scenario.runs) for scenario in results.scenarios.values()] == [3, 3, 3]
    words = ["-o", "train.epochs=1", "-o", "tasks.ranking.clip_predictions=true", "--seeds", "3"]
    assert main(["plan", str(tiny), *words, "--results", str(folder)]) == 0
    assert "9 runs, 9 done" in capsys.readouterr().out


def test_what_is_done_is_not_done_again(document, results, folder, tiny):
    overrides = ["train.epochs=1", "tasks.ranking.clip_predictions=true"]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = mtbench.run(tiny, overrides=overrides, seeds=[0, 1, 2], results=folder, progress=False)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert again.records == results.records
    one = mtbench.run(
        str(tiny), scenarios="joint", overrides=overrides, seeds="[1]", results=folder,
        progress=False,
    )  # fmt: skip
    assert [(record.scenario, record.seed) for record in one.records] == [("joint", 1)]


def test_values_by_user_have_the_users_ids(results, folder, tmp_path):
    """Means over users are the metrics of users; those of rows are means over users' rows."""
    pd = pytest.importorskip("pandas")
    frame = results.by_query()
    assert list(frame.columns) == [
        *("suite", "kind", "name", "seed", "task", "metric", "query", "value", "run_id"),
        "question_id",
    ]
    joint = results.scenario("joint").runs[1]
    model = mtbench.load_model(folder / "tiny", joint.run_id)
    assert set(frame["query"]) <= set(model.users.tolist())
    own = frame[(frame.name == "joint") & (frame.seed == 1) & (frame.metric == "rmse")]
    scored = model._scored
    for user, value in zip(own["query"], own.value, strict=True):
        rows = scored.take(np.flatnonzero(model.users[scored.query] == user))
        items = model.items[rows.candidate]
        wrong = model.predict([user] * len(rows), items) - rows.columns["user_rating"]
        assert value == pytest.approx(math.sqrt(np.mean(wrong.astype(float) ** 2)), rel=1e-5)
    target = tmp_path / "users.parquet"
    assert main(["export", str(folder / "tiny"), str(target), "--by-query"]) == 0
    exported = pd.read_parquet(target)
    assert len(exported) == len(frame)
    assert set(map(tuple, exported[["name", "seed", "query", "metric"]].to_numpy())) == set(
        map(tuple, frame[["name", "seed", "query", "metric"]].to_numpy())
    )
    assert main(["export", str(folder / "tiny"), str(tmp_path / "users.csv"), "--by-query"]) == 0
    assert (tmp_path / "users.csv").read_text().count("\n") == len(frame) + 1
    assert main(["export", str(folder / "tiny"), str(target), "--by-query", "--runs"]) == 2
    with pytest.raises(mtbench.MtbenchError, match="expected results of a folder, found records"):
        mtbench.Results.of(results.records).by_query()


def test_ids_that_are_not_there_are_told(results, folder, tmp_path):
    shutil.copytree(folder / "tiny", tmp_path / "r")
    (path,) = (tmp_path / "r").glob("*.queries.npy")
    path.write_bytes(b"no ids")
    with pytest.raises(mtbench.MtbenchError, match=r"queries\.npy: expected ids, found a damaged"):
        mtbench.Results.read(tmp_path / "r").by_query()
    path.unlink()
    with pytest.raises(mtbench.MtbenchError, match=r"no such file: expected the ids of the users"):
        mtbench.Results.read(tmp_path / "r").by_query()


def test_frames_are_those_of_the_folder(results, folder):
    frame = results.frame()
    assert frame.equals(mtbench.load_results(folder / "tiny"))
    assert set(frame["name"]) >= {"joint", "popularity"}
    assert results.runs_frame().equals(mtbench.load_runs(folder / "tiny"))


def test_comparisons_are_sentences(results):
    found = results.compare("rating-only", "joint")
    assert [comparison.metric for comparison in found] == ["ranking/rmse"]
    assert (found[0].a, found[0].b, found[0].n) == ("rating-only", "joint", 3)
    assert str(found) == repr(found)
    assert "joint" in str(found)
    with pytest.raises(mtbench.RecordError, match="did you mean 'joint'"):
        results.compare("rating-only", "joined")


def test_runs_tell_the_rows_they_were_scored_on(results, model):
    """Those of a seed are scored on the same, and each seed has its own; so they are pairs."""
    scored = {(run.seed, run.data.scored) for run in results.runs}
    assert [seed for seed, _ in sorted(scored)] == [0, 1, 2]
    assert len({rows for _, rows in scored}) == 3
    rows = np.stack([model._scored.query, model._scored.candidate]).tobytes()
    assert model.record.data.scored == hashlib.sha256(rows).hexdigest()
    assert model.record.scored_share == pytest.approx(0.2)
    (found,) = results.compare("rating-only", "joint")
    assert (found.over, found.n) == ("seeds", 3)
    half, wide = ((high - low) / 2 for low, high in ((found.low, found.high), found.beyond))
    assert wide / half == pytest.approx(math.sqrt(1 + 3 * 4))  # √(1/3 + 4) beside √(1/3)


def test_pages(results, tmp_path):
    path = results.to_html(tmp_path / "page.html")
    assert path.read_text().startswith("<!DOCTYPE html>")
    shown = results._repr_html_()
    assert shown.startswith("<pre")
    assert "rating-only" in shown
    assert "| joint | 3 |" in results.to_markdown()


def test_faults_name_the_key(document, folder):
    wrong = json.loads(json.dumps(document))
    wrong["towers"]["query"]["embeding_dim"] = 3
    with pytest.raises(mtbench.SuiteError) as caught:
        mtbench.run(wrong, results=folder)
    expected = "suite: towers.query.embeding_dim: unknown key (did you mean 'embedding_dim'?)"
    assert str(caught.value) == expected
    with pytest.raises(mtbench.SuiteError, match=r"^-o train.epochs=\"x\": train.epochs: "):
        mtbench.load_suite(document, overrides={"train.epochs": "x"})
    with pytest.raises(mtbench.SuiteError, match="unknown scenario"):
        mtbench.run(document, scenarios=["joined"], results=folder)


@pytest.mark.thorough
def test_a_loaded_suite_runs_with_its_plugins(document, folder, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        '"""Mine."""\nimport tensorflow as tf\nimport mtbench\n'
        'class Mine(mtbench.LossWeighting):\n    """Mine."""\n    name = "mine"\n'
        "    def build(self, tasks):\n        return lambda losses: tf.reduce_sum(losses)\n"
        "@mtbench.hookimpl\ndef mtbench_weightings():\n    return [Mine]\n"
    )
    overrides = {"scenarios.joint.weighting": "mine", "train.epochs": 1}
    suite = mtbench.load_suite(document, overrides=overrides, seeds=1, plugins=[plugin])
    found = mtbench.run(suite, scenarios=["joint"], results=tmp_path, progress=False)
    assert found.records[0].answer.weighting.name == "mine"
    with pytest.raises(mtbench.MtbenchError, match="found them with a loaded one"):
        mtbench.run(suite, seeds=3)


def test_progress_is_shown_on_the_standard_error(document, tmp_path, capsys):
    kept = mtbench.run(document, scenarios=["joint"], seeds=1, results=tmp_path)
    assert "[1/1] joint seed 0: ranking/rmse" in capsys.readouterr().err
    mtbench.run(document, scenarios=["joint"], seeds=1, results=tmp_path)
    assert "1 of 1 runs are done already" in capsys.readouterr().err
    assert len(kept.records) == 1


# saved models


@pytest.fixture(scope="module")
def model(results, folder):
    record = results.scenarios["joint"].runs[1]
    return mtbench.load_model(folder / "tiny", record.run_id)


def test_a_saved_model_scores_what_was_scored_bit_for_bit(results, folder):
    for scenario in results.scenarios.values():
        record = scenario.runs[2]
        loaded = mtbench.load_model(folder / "tiny", record.run_id)
        assert loaded.record == record
        assert loaded.evaluate() == record.metrics


def test_its_predictions_are_those_that_were_scored(model):
    test = model._scored
    users, items = model.users[test.query], model.items[test.candidate]
    predictions = model.predict(users, items)
    assert predictions.dtype == np.float32
    error = test.columns["user_rating"].astype(np.float64) - predictions
    rmse = model.record.metrics["ranking"]["rmse"]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(rmse, rel=1e-14)  # a sum's order
    labels = model._parts.train.columns["user_rating"]
    assert labels.min() <= predictions.min() <= predictions.max() <= labels.max()


@pytest.mark.parametrize(("exclude", "rule"), [(True, "removed"), (False, "kept")])
def test_its_recommendations_are_those_that_were_scored(model, exclude, rule):
    test, seen = model._scored, Seen.of(model._seen)
    best = model.recommend(model.users[test.query], 5, exclude_seen=exclude)
    assert best.shape == (len(test), 5)
    hits = (best == model.items[test.candidate][:, None]).any(axis=1)
    if exclude:  # what was had already is not recommended, though scored as if it were new
        had = seen.contains(test.query, test.candidate)
        assert not hits[had].any()
        view = TestView(model._model, "retrieval", model._parts.train, test, model._seen)
        scores = model._model.heads["retrieval"].scores(view)(test.query)
        for query, row, top in zip(test.query, scores, best, strict=True):
            left = np.delete(np.arange(len(model.items)), seen[query])
            expected = left[np.argsort(-row[left], kind="stable")[:5]]
            assert top.tolist() == model.items[expected].tolist()
    else:
        assert hits.mean() == model.record.metrics["retrieval"][f"top_5_seen_{rule}"]


def test_embeddings(model):
    assert model.embed_users(model.users[:3]).shape == (3, 4)
    whole = model.embed_items()
    assert whole.shape == (len(model.items), 4)
    assert model.embed_items(model.items[[5, 2]]).tolist() == whole[[5, 2]].tolist()
    scores = model.embed_users(model.users[:1], "retrieval") @ whole.T
    (best,) = model.recommend(model.users[:1], 1, exclude_seen=False)
    assert best[0] == model.items[np.argmax(scores)]


def test_short_catalogues_and_unknown_ids(model):
    best = model.recommend([model.users[0], model.users[0]], len(model.items) + 3)
    assert best[0].tolist() == best[1].tolist()
    assert (best[0] == "").sum() == 3 + Seen.of(model._seen).counts(np.array([0]))[0]
    for call in (
        lambda: model.recommend(["nobody"]),
        lambda: model.predict([model.users[0]], ["nothing"]),
        lambda: model.predict(model.users[:2], model.items[:1]),
        lambda: model.recommend(model.users[:1], task="ranking"),
        lambda: model.predict(model.users[:1], model.items[:1], task="rankin"),
    ):
        with pytest.raises(mtbench.MtbenchError, match=r"unknown|expected"):
            call()


@pytest.mark.thorough
def test_a_model_that_was_not_saved(document, tmp_path):
    found = mtbench.run(document, scenarios="joint", seeds=1, results=tmp_path, progress=False)
    run_id = found.records[0].run_id
    with pytest.raises(mtbench.RecordError, match="run again with --save-models"):
        mtbench.load_model(tmp_path / "tiny", run_id)
    mtbench.run(
        document, scenarios="joint", seeds=1, results=tmp_path, progress=False, save_models=True
    )
    (weights,) = (tmp_path / "tiny").glob(f"{run_id}.weights.*.npz")
    weights.write_bytes(b"PK\x03\x04")
    with pytest.raises(mtbench.RecordError, match="damaged"):
        mtbench.load_model(tmp_path / "tiny", run_id)


@pytest.mark.thorough
def test_saving_does_again_only_what_was_not_saved(tiny, tmp_path, capsys):
    words = ["run", str(tiny), "--seeds", "1", "--scenario", "joint", "-o", "train.epochs=1"]
    words += ["--results", str(tmp_path)]
    assert main(words) == 0
    before = mtbench.load_results(tmp_path / "tiny")
    assert main([*words, "--save-models"]) == 0
    assert "done already" not in capsys.readouterr().err
    assert mtbench.load_results(tmp_path / "tiny").equals(before)
    assert main([*words, "--save-models"]) == 0
    assert "1 of 1 runs are done already" in capsys.readouterr().err
