"""The test part has no say in training, and the validation part has."""

import gc
import json

import numpy as np
import pytest
from made import run_suite

from mtbench.cli.main import main
from mtbench.data.interactions import Interactions
from mtbench.plugin.hooks import hookimpl
from mtbench.train.evaluate import evaluate
from mtbench.train.trainer import Trainer

SPY = '''
import mtbench
from mtbench_plugins.splits.random import Random
from mtbench_plugins.tasks.ranking import Ranking

class Keeping(Random):
    """Keeps the data it is to divide."""
    name = "keeping"
    def build(self, data, seed):
        Keeping.data = data
        return super().build(data, seed)

class Peeking(Ranking):
    """Looks at all interactions, those to test with among them, before it trains."""
    name = "peeking"
    def build(self, num_queries, num_candidates):
        head = super().build(num_queries, num_candidates)
        adapt = head.adapt
        def peek(train):
            adapt(train)
            Keeping.data.interactions.columns["user_rating"].mean()
        head.adapt = peek
        return head

@mtbench.hookimpl
def mtbench_splits():
    return [Keeping]

@mtbench.hookimpl
def mtbench_tasks():
    return [Peeking]
'''
VALIDATED = ("split.validation_share=0.25", "train.validate_every=1", "train.epochs=4")


def run(path, folder, *overrides, scenario="joint", observers=()):
    """The record of a scenario's first run."""
    chosen = {"scenarios": [scenario], "observers": observers, "seeds": "1"}
    (record,) = run_suite(path, folder, *overrides, **chosen)
    return record


def test_a_planted_look_at_the_test_part_fails_loudly(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spy.py").write_text(SPY)
    text = tiny.read_text().replace("name: random", "name: keeping")
    text = text.replace("ranking: {units: [8]}", "ranking: {name: peeking, units: [8]}")
    tiny.write_text(text + "plugins: [spy.py]\n")
    assert main(["run", "tiny.yaml", "--seeds", "1"]) == 1
    for path in (tmp_path / "results" / "tiny").glob("*.json"):
        record = json.loads(path.read_text())
        assert record["error"]["type"] == "SealedError"
        assert "the test part is sealed while a model trains" in record["error"]["message"]
        assert "metrics" not in record
    assert "the test part is sealed" in capsys.readouterr().out


def test_whatever_holds_test_rows_is_sealed_while_training(tiny, tmp_path):
    """Among all interactions that this run has made only the training part can be read."""
    others = [x for x in gc.get_objects() if isinstance(x, Interactions)]
    found = []

    class Watching:
        @hookimpl
        def mtbench_epoch_ended(self, epoch):
            gc.collect()  # parts of other tests
            parts = [x for x in gc.get_objects() if isinstance(x, Interactions)]
            mine = [x for x in parts if not any(x is other for other in others)]
            found.append({len(x) for x in mine if not x.is_sealed})

    record = run(tiny, tmp_path / "r", observers=[Watching()])
    train, test = record.data.train, record.data.test
    assert (train, test) == (240, 60)
    assert found == [{0, train}] * 2  # 0: there is no validation part


@pytest.mark.thorough
def test_the_validation_part_is_scored_after_each_epoch(tiny, tmp_path, registry, make_suite):
    record = run(tiny, tmp_path / "r", *VALIDATED)
    assert [each["epoch"] for each in record.validation] == [1, 2, 3, 4]
    data = record.data
    assert (data.train, data.validation, data.test) == (180, 60, 60)
    assert record.epoch == 4
    suite = make_suite(*VALIDATED)
    loaded = suite.dataset.load()
    parts = suite.split.build(loaded, 0)
    train, validation = (
        loaded.interactions.take(np.sort(p)) for p in (parts.train, parts.validation)
    )
    model = Trainer(suite.setup("joint"), loaded).train(0, train).model
    assert record.validation[-1]["metrics"] == evaluate(model, train, validation).metrics


@pytest.mark.thorough
def test_looking_at_the_validation_part_changes_no_number(tiny, tmp_path):
    plain = run(tiny, tmp_path / "a", VALIDATED[0], VALIDATED[2])
    watched = run(tiny, tmp_path / "b", *VALIDATED)
    assert plain.validation == ()
    assert (plain.metrics, plain.curve) == (watched.metrics, watched.curve)


@pytest.mark.thorough
def test_the_epoch_that_is_kept_is_the_best_of_the_validation_part(tiny, tmp_path):
    """It overfits in some epochs: the parameters scored are those after the best one."""
    stop = (
        *VALIDATED[:1],
        "train={epochs: 40, batch_size: 64, optimizer: {name: adam, learning_rate: 0.05}}",
    )
    early = "train.early_stopping={metrics: [ranking/rmse], patience: 4}"
    record = run(tiny, tmp_path / "r", *stop, early, scenario="rating-only")
    curve = [each["metrics"]["ranking"]["rmse"] for each in record.validation]
    best = int(np.argmin(curve)) + 1
    assert 1 <= best < 36
    assert record.epoch == best
    assert len(record.curve) == len(curve) == best + 4
    short = run(tiny, tmp_path / "s", *stop, f"train.epochs={best}", scenario="rating-only")
    assert short.metrics == record.metrics


@pytest.mark.thorough
def test_a_task_that_is_not_trained_stops_nothing(tiny, tmp_path):
    early = "train.early_stopping={metrics: [ranking/rmse], patience: 1}"
    record = run(tiny, tmp_path / "r", *VALIDATED, early, scenario="retrieval-only")
    assert (record.epoch, len(record.curve)) == (4, 4)


@pytest.mark.thorough
def test_scores_of_the_validation_part_while_options_are_chosen(tiny, tmp_path):
    test = run(tiny, tmp_path / "a", *VALIDATED)
    chosen = run(tiny, tmp_path / "b", *VALIDATED, "evaluate_on=validation")
    assert chosen.question.evaluate_on == "validation"
    assert chosen.metrics == chosen.validation[-1]["metrics"]
    assert chosen.metrics != test.metrics
    counts = chosen.data.slices
    assert counts["head"]["rows"] + counts["tail"]["rows"] + counts["cold_candidate"]["rows"] == 60
    assert chosen.question_id != test.question_id


@pytest.mark.parametrize(
    "override",
    [
        "evaluate_on=validation",
        "train.validate_every=2",
        "train.early_stopping={metrics: [ranking/rmse]}",
    ],
)
def test_a_split_without_a_validation_part_is_told(tiny, tmp_path, monkeypatch, capsys, override):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "tiny.yaml", "-o", override]) == 2
    error = capsys.readouterr().err.strip()
    assert error.endswith(
        "expected a split with a validation part, found 'random': give it a validation_share"
    )
    assert not list((tmp_path / "results").rglob("*.json"))
